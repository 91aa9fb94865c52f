// Each operation of Vec16 behind a call on plain memory: included by vec16_avx2_test.cpp and vec16_avx512_test.cpp
// inside the set's namespace, and compiled for that set alone.

struct Probe {
  static void exp_of(const float* x, float* y) { exp(Vec16::load(x)).store(y); }
  static float sum_of(const float* x) { return sum(Vec16::load(x)); }
  static float maximum_of(const float* x) { return maximum(Vec16::load(x)); }
  static void fma_of(const float* a, const float* b, const float* c, float* y) {
    fma(Vec16::load(a), Vec16::load(b), Vec16::load(c)).store(y);
  }
  static void arithmetic_of(const float* a, const float* b, float* y) {
    const Vec16 left = Vec16::load(a);
    const Vec16 right = Vec16::load(b);
    (((left + right) * right - left) / right).store(y);
  }
  static void larger_of(const float* a, const float* b, float* y) { max(Vec16::load(a), Vec16::load(b)).store(y); }
  static void smaller_of(const float* a, const float* b, float* y) { min(Vec16::load(a), Vec16::load(b)).store(y); }
  static std::uint32_t lanes_of(int first, int last) { return bits_of(lanes(first, last)); }
  static std::uint32_t less_of(const float* a, const float* b) { return bits_of(less(Vec16::load(a), Vec16::load(b))); }
  static void select_of(int first, int last, const float* a, const float* b, float* y) {
    select(lanes(first, last), Vec16::load(a), Vec16::load(b)).store(y);
  }
  template <DType type>
  static void widen_of(const void* from, float* y) {
    Vec16::load_as<type>(from).store(y);
  }
  template <DType type>
  static void widen_first_of(const void* from, int count, float* y) {
    Vec16::load_first_as<type>(from, count).store(y);
  }
  static void copy_first_of(const float* x, int count, float* y) { Vec16::load_first(x, count).store_first(y, count); }
};
