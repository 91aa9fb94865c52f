// The vector body of the embedding lookup. Included inside the namespace of a Vec16.

template <DType type>
static void widen_rows(const EmbeddingTable& table, const std::int32_t* tokens, std::size_t count, float* out) {
  constexpr auto kBytes = static_cast<std::int64_t>(bytes_of(type));
  const std::int64_t whole = table.hidden & ~std::int64_t{15};
  const int rest = static_cast<int>(table.hidden - whole);
  for (std::size_t row = 0; row < count; ++row, out += table.hidden) {
    const char* from = static_cast<const char*>(table.data) + tokens[row] * table.hidden * kBytes;
    for (std::int64_t i = 0; i < whole; i += 16) Vec16::load_as<type>(from + i * kBytes).store(out + i);
    if (rest != 0) Vec16::load_first_as<type>(from + whole * kBytes, rest).store_first(out + whole, rest);
  }
}

void embedding(const EmbeddingTable& table, const std::int32_t* tokens, std::size_t count, float* out) {
  switch (table.dtype) {
    case DType::kF32:
      return widen_rows<DType::kF32>(table, tokens, count, out);
    case DType::kF16:
      return widen_rows<DType::kF16>(table, tokens, count, out);
    case DType::kBf16:
      return widen_rows<DType::kBf16>(table, tokens, count, out);
  }
}
