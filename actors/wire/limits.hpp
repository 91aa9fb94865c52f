// How much a control message may hold: decode() refuses more. Senders that batch keep to these.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::wire {

/// Bytes of a name: a node's, a machine's, a request's, a device's, a build's, a model's fingerprint.
inline constexpr std::size_t kMostNameBytes = 256;
/// Bytes of a sentence for people: an error's message, why a node was refused.
inline constexpr std::size_t kMostSentenceBytes = 4096;
inline constexpr std::size_t kMostLinkAddressBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMostMachinesInBeat = 4096;
inline constexpr std::size_t kMostLinksInBeat = 4096;
/// Peers of one node that it tells of.
inline constexpr std::size_t kMostPaths = 4096;
inline constexpr std::int32_t kMostAttempts = 64;
inline constexpr std::size_t kMostAvoided = 64;  ///< machines that a request is not to be given

/// Prompt and generated tokens of a request together, and its max_tokens: what a frame has room for.
inline constexpr std::int32_t kMostTokens = 4 << 20;
inline constexpr std::size_t kMostStopStrings = 64;
inline constexpr std::size_t kMostStopStringBytes = 4096;  ///< of one
inline constexpr std::size_t kMostLogitBias = 65536;
inline constexpr std::size_t kMostStopTokens = 4096;
/// Alternatives reported for a token, and how many may be asked for.
inline constexpr std::int32_t kMostLogprobs = 64;
inline constexpr std::size_t kMostNews = 65536;
inline constexpr std::size_t kMostTracedMessages = 20000;

/// Of a KV's shape, so that its bytes a block can be computed without overflow.
inline constexpr std::int32_t kMostLayers = 4096;
inline constexpr std::int32_t kMostKvHeads = 4096;
inline constexpr std::int32_t kMostHeadDim = 4096;

/// 146 years: may be added to or taken from a clock's reading without overflow.
inline constexpr std::int64_t kMostNanoseconds = std::int64_t{1} << 62;

}  // namespace troupe::wire
