// The vector body of the rotation, the same operations as reference.cpp. Included inside the namespace of a Vec16.

void rope(const Rope& args) {
  const std::int64_t whole = args.half & ~std::int64_t{15};
  const int rest = static_cast<int>(args.half - whole);
  for (std::int64_t row = 0; row < args.rows; ++row) {
    const float* cos = args.cos + row * args.half;
    const float* sin = args.sin + row * args.half;
    for (std::int64_t head = 0; head < args.heads; ++head) {
      float* lower = args.x + row * args.row_stride + head * args.head_dim;
      float* upper = lower + args.half;
      for (std::int64_t i = 0; i < whole; i += 16) {
        const Vec16 a = Vec16::load(lower + i), b = Vec16::load(upper + i);
        const Vec16 c = Vec16::load(cos + i), s = Vec16::load(sin + i);
        (a * c - b * s).store(lower + i);
        (b * c + a * s).store(upper + i);
      }
      if (rest != 0) {
        const Vec16 a = Vec16::load_first(lower + whole, rest), b = Vec16::load_first(upper + whole, rest);
        const Vec16 c = Vec16::load_first(cos + whole, rest), s = Vec16::load_first(sin + whole, rest);
        (a * c - b * s).store_first(lower + whole, rest);
        (b * c + a * s).store_first(upper + whole, rest);
      }
    }
  }
}
