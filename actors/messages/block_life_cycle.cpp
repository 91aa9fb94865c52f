#include "actors/messages/block_life_cycle.hpp"

namespace troupe {

const char* to_string(BlockState state) {
  switch (state) {
    case BlockState::kFree:
      return "free";
    case BlockState::kReserved:
      return "reserved";
    case BlockState::kAdvertised:
      return "advertised";
    case BlockState::kInFlight:
      return "in_flight";
    case BlockState::kCommitted:
      return "committed";
    case BlockState::kQuarantined:
      return "quarantined";
  }
  return "unknown";
}

const char* to_string(BlockEvent event) {
  switch (event) {
    case BlockEvent::kReserve:
      return "reserve";
    case BlockEvent::kAdvertise:
      return "advertise";
    case BlockEvent::kWriteBegins:
      return "write_begins";
    case BlockEvent::kCommit:
      return "commit";
    case BlockEvent::kWriterGone:
      return "writer_gone";
    case BlockEvent::kRelease:
      return "release";
  }
  return "unknown";
}

std::optional<BlockState> next_state(BlockState state, BlockEvent event) {
  using S = BlockState;
  using E = BlockEvent;
  switch (state) {
    case S::kFree:
      if (event == E::kReserve) return S::kReserved;
      break;
    case S::kReserved:
      if (event == E::kAdvertise) return S::kAdvertised;
      if (event == E::kCommit) return S::kCommitted;
      if (event == E::kRelease) return S::kFree;
      break;
    case S::kAdvertised:
      if (event == E::kWriteBegins) return S::kInFlight;
      if (event == E::kWriterGone) return S::kReserved;
      if (event == E::kRelease) return S::kQuarantined;
      break;
    case S::kInFlight:
      if (event == E::kCommit) return S::kCommitted;
      if (event == E::kWriterGone) return S::kReserved;
      if (event == E::kRelease) return S::kQuarantined;
      break;
    case S::kCommitted:
      if (event == E::kRelease) return S::kFree;
      break;
    case S::kQuarantined:
      if (event == E::kCommit || event == E::kWriterGone) return S::kFree;
      break;
  }
  return std::nullopt;
}

}  // namespace troupe
