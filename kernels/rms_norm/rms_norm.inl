// The vector body of RMSNorm, the same operations as reference.cpp. Included inside the namespace of a Vec16.

void rms_norm(const RmsNorm& args) {
  const std::int64_t whole = args.width & ~std::int64_t{15};
  const int rest = static_cast<int>(args.width - whole);
  for (std::int64_t row = 0; row < args.rows; ++row) {
    const float* x = args.x + row * args.stride;
    float* out = args.out + row * args.stride;
    Vec16 squares = Vec16::zero();
    for (std::int64_t i = 0; i < whole; i += 16) {
      const Vec16 v = Vec16::load(x + i);
      squares = fma(v, v, squares);
    }
    if (rest != 0) {  // the lanes past the end add 0 * 0, which changes no sum of squares
      const Vec16 v = Vec16::load_first(x + whole, rest);
      squares = fma(v, v, squares);
    }
    const float mean = sum(squares) / static_cast<float>(args.width);
    const Vec16 scale = Vec16::splat(1.0f / __builtin_sqrtf(mean + args.epsilon));
    for (std::int64_t i = 0; i < whole; i += 16)
      ((Vec16::load(x + i) * scale) * Vec16::load(args.weight + i)).store(out + i);
    if (rest != 0) {
      const Vec16 v = Vec16::load_first(x + whole, rest) * scale;
      (v * Vec16::load_first(args.weight + whole, rest)).store_first(out + whole, rest);
    }
  }
}
