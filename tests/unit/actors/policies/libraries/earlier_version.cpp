// Was built for version 1 of the interface, whose function had another name.
extern "C" const void* troupe_policy_v1() { return nullptr; }
