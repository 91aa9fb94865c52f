// The identities of the system, each a type of its own so that one cannot be handed in for another.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace troupe {

/// An id is a number with a meaning; it has no arithmetic.
template <class Tag, class Number>
struct Id {
  Number value{};
  friend auto operator<=>(const Id&, const Id&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.value; }
};

/// One completion to produce; unique in the life of a cluster.
using RequestId = Id<struct RequestTag, std::uint64_t>;
/// One model replica on one or more devices; its place in the cluster's table of machines.
using MachineId = Id<struct MachineTag, std::uint32_t>;
/// One process of a cluster: its place in the cluster's table of nodes.
using NodeId = Id<struct NodeTag, std::uint32_t>;
/// A place in one machine's KV slab: the KV of 16 consecutive positions of one sequence, all layers.
using BlockId = Id<struct BlockTag, std::uint32_t>;
/// One life of a KV block, from reservation to free; a write that names an older generation is refused.
using Generation = Id<struct GenerationTag, std::uint64_t>;
/// One forward pass on one device; counts up from 1.
using StepId = Id<struct StepTag, std::uint64_t>;

/// Leave to write certain blocks of one machine once: 128 random bits, handed to the writer over the control plane.
struct Ticket {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Ticket& ticket) {
    return out << std::hex << ticket.high << ticket.low << std::dec;
  }
};

/// A token of the model's vocabulary, as the tokenizer numbers them. Negative is never valid.
using TokenId = std::int32_t;

}  // namespace troupe

template <class Tag, class Number>
struct std::hash<troupe::Id<Tag, Number>> {
  std::size_t operator()(const troupe::Id<Tag, Number>& id) const noexcept { return std::hash<Number>{}(id.value); }
};

template <>
struct std::hash<troupe::Ticket> {
  std::size_t operator()(const troupe::Ticket& ticket) const noexcept { return ticket.high ^ ticket.low; }
};
