// The vector body of SwiGLU, the same operations as reference.cpp. Included inside the namespace of a Vec16.

static TROUPE_INLINE Vec16 gated(Vec16 gate, Vec16 up) {
  const Vec16 minus_gate = gate * Vec16::splat(-1.0f);
  return gate / (Vec16::splat(1.0f) + exp(minus_gate)) * up;
}

void swiglu(const float* gate_up, float* out, std::int64_t rows, std::int64_t width) {
  const std::int64_t whole = width & ~std::int64_t{15};
  const int rest = static_cast<int>(width - whole);
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* gate = gate_up + row * 2 * width;
    const float* up = gate + width;
    float* to = out + row * width;
    for (std::int64_t i = 0; i < whole; i += 16) gated(Vec16::load(gate + i), Vec16::load(up + i)).store(to + i);
    if (rest != 0)
      gated(Vec16::load_first(gate + whole, rest), Vec16::load_first(up + whole, rest)).store_first(to + whole, rest);
  }
}
