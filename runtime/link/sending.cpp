#include "runtime/link/sending.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

namespace troupe::link {

Result<void> validate(const Push& push, const Slab& slab) {
  const auto refused = [](const std::string& why) { return Error{ErrorCode::kInvalidInput, "push: " + why}; };
  if (!push.note.empty() && !push.last) return refused("a note travels with the last piece only");
  if (push.note.size() > kMostNoteBytes) {
    return refused("a note of " + std::to_string(push.note.size()) + " bytes, at most " +
                   std::to_string(kMostNoteBytes) + " are allowed");
  }
  if (push.blocks.empty()) {
    if (!push.last) return refused("neither blocks nor the last piece");
    if (push.layers != 0) return refused("layers of no block");
    return {};
  }
  if (push.first_place < 0 || push.blocks.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) -
                                                       static_cast<std::size_t>(push.first_place)) {
    return refused("places outside any landing");
  }
  if (push.first_layer < 0 || push.layers < 1 || std::int64_t{push.first_layer} + push.layers > slab.layout.layers) {
    return refused("layers " + std::to_string(push.first_layer) + " to " +
                   std::to_string(std::int64_t{push.first_layer} + push.layers - 1) + " of a slab of " +
                   std::to_string(slab.layout.layers));
  }
  for (const BlockId block : push.blocks) {
    if (block.value >= static_cast<std::uint64_t>(slab.layout.blocks)) {
      return refused("block " + std::to_string(block.value) + " of a slab of " + std::to_string(slab.layout.blocks));
    }
  }
  return {};
}

std::vector<Cut> cut(const Push& push, const kernels::KvLayout& layout, std::size_t piece_bytes) {
  std::vector<Cut> cuts;
  const std::size_t unit = layout.layer_block_bytes();
  const std::size_t budget = std::min(piece_bytes, kMostPieceBytes);
  const auto places = static_cast<std::uint32_t>(push.blocks.size());
  const auto most = static_cast<std::uint32_t>(std::clamp<std::size_t>(budget / unit, 1, 1U << 20));
  const std::uint32_t wide = std::min(places, most);                                      // places in a piece
  const std::uint32_t deep = wide < places || wide == 0 ? 1 : std::max(1U, most / wide);  // layers in a piece
  const auto end = static_cast<std::uint32_t>(push.blocks.empty() ? 0 : push.first_layer + push.layers);
  for (auto layer = static_cast<std::uint32_t>(push.blocks.empty() ? 0 : push.first_layer); layer < end;) {
    const std::uint32_t layers = std::min(deep, end - layer);
    for (std::uint32_t first = 0; first < places;) {
      const std::uint32_t count = std::min(wide, places - first);
      cuts.push_back({first, count, layer, layers, std::size_t{count} * layers * unit, false, false});
      first += count;
    }
    layer += layers;
  }
  if (push.last && (cuts.empty() || !push.note.empty())) {
    Cut& end_mark = cuts.emplace_back();
    end_mark.note = !push.note.empty();
    end_mark.bytes = push.note.size();
  }
  cuts.back().last = push.last;
  return cuts;
}

std::vector<Cut> cut_probe(std::size_t bytes, std::size_t piece_bytes) {
  std::vector<Cut> cuts;
  while (bytes > 0) {
    Cut& next = cuts.emplace_back();
    next.probe = true;
    next.bytes = std::min(bytes, piece_bytes);
    bytes -= next.bytes;
  }
  return cuts;
}

std::optional<std::span<const std::byte>> one_run(const Push& push, const Slab& slab, const Cut& cut) {
  if (cut.bytes == 0) return std::span<const std::byte>{};
  if (cut.note) return std::span<const std::byte>(push.note);
  const std::span<const BlockId> blocks = std::span(push.blocks).subspan(cut.first, cut.places);
  // Layer after layer is one run too where the piece is the slab's full width.
  if (cut.layers != 1 && std::int64_t{cut.places} != slab.layout.blocks) return std::nullopt;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[i].value != blocks[0].value + i) return std::nullopt;
  }
  return slab.memory.subspan(slab.layout.offset(cut.first_layer, blocks[0].value), cut.bytes);
}

void gather(const Push& push, const Slab& slab, const Cut& cut, std::span<std::byte> out) {
  CHECK(out.size() == cut.bytes, out.size(), cut.bytes);
  if (cut.note) {
    std::copy(push.note.begin(), push.note.end(), out.begin());
    return;
  }
  const std::size_t unit = slab.layout.layer_block_bytes();
  std::size_t at = 0;
  for (std::uint32_t layer = cut.first_layer; layer < cut.first_layer + cut.layers; ++layer) {
    for (std::uint32_t i = cut.first; i < cut.first + cut.places; ++i) {
      std::memcpy(out.data() + at, slab.memory.data() + slab.layout.offset(layer, push.blocks[i].value), unit);
      at += unit;
    }
  }
}

PieceHeader header_of(const Push& push, const Cut& cut) {
  PieceHeader header;
  header.ticket = push.ticket;
  header.first_place = cut.places == 0 ? 0 : static_cast<std::uint32_t>(push.first_place) + cut.first;
  header.places = cut.places;
  header.first_layer = cut.first_layer;
  header.layers = cut.layers;
  header.bytes = cut.bytes;
  header.last = cut.last;
  header.note = cut.note;
  header.probe = cut.probe;
  return header;
}

}  // namespace troupe::link
