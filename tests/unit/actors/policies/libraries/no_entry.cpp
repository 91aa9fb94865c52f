// A shared library, but none of a policy.
extern "C" int something_else() { return 1; }
