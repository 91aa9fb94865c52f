// The network of a cluster that nobody owns: each slab is a machine with a network card, and what is pushed from one to
// another arrives when latency, the cards' bandwidth and what else they carry say so. Then, and not before, the bytes
// are copied from slab to slab.
//
// Contention is a queue for each card and direction (decision 023). A push leaves when all earlier ones of its machine
// have left, at the sending card's rate; it takes its turn at the receiving card when it begins to leave, and has
// arrived a latency after both cards are done with it. Between the cards nothing is lost and nothing holds up a sender.
// What is refused, and why, is the landings' code that all links share.
//
// Single-threaded: every function and callback runs where `later` runs things. Its only peer is itself:
// add_peer(address()).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/link/link.hpp"

namespace troupe::link {

/// One machine's network card.
struct Card {
  double bytes_per_second = 0;  ///< over 0; in each direction
  /// What a byte of the slab counts as on the way: a modelled device's slab stands for KV that is larger.
  double weight = 1;
};

struct ModelledOptions {
  /// Runs something later, on the actors' clock; in order for equal times.
  std::function<void(std::chrono::nanoseconds, std::function<void()>)> later;
  std::function<std::chrono::nanoseconds()> now;
  std::chrono::nanoseconds latency{};
  std::vector<Card> cards;  ///< by the order of add_slab; as many as slabs will be added
};

std::unique_ptr<Link> make_modelled_link(ModelledOptions options);

}  // namespace troupe::link
