// The summary as programs read it.
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/simulate/summary.hpp"

namespace troupe::simulate {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Distribution& of) {
  return {{"p50", of.p50}, {"p90", of.p90}, {"p99", of.p99}, {"mean", of.mean}, {"max", of.largest}};
}

/// JSON has no infinity: a slowdown that no number tells is null.
Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const SloReport& slo, const std::string& reference) {
  Json out;
  out["reference"] = reference;
  out["attained"] = slo.all_hold();
  out["holding"] = slo.holding();
  out["requests_within_p99_limits"] = slo.within;
  for (const auto& check : slo.checks)
    out["checks"].push_back({{"metric", check.metric},
                             {"percentile", check.percentile},
                             {"slowdown", number_or_null(check.slowdown)},
                             {"limit", check.limit},
                             {"holds", check.holds()}});
  return out;
}

Json to_json(const RoleSummary& role) {
  return {{"role", role.role},       {"hardware", role.hardware},       {"machines", role.machines},
          {"busy", role.busy},       {"prompt_busy", role.prompt_busy}, {"mixed_pool", role.mixed_pool},
          {"kv_peak", role.kv_peak}, {"preemptions", role.preemptions}};
}

Json to_json(const MachineSummary& machine) {
  return {{"name", machine.name},
          {"role", machine.role},
          {"busy", machine.busy},
          {"prompt_busy", machine.prompt_busy},
          {"kv_peak", machine.kv_peak},
          {"steps", machine.steps},
          {"prompt_tokens", machine.prompt_tokens},
          {"output_tokens", machine.output_tokens},
          {"preemptions", machine.preemptions}};
}

}  // namespace

std::string summary_json(const Summary& summary) {
  Json out;
  out["policy"] = summary.policy;
  out["model"] = summary.model;
  out["machines"] = summary.machines;
  out["requests"] = summary.requests;
  out["finished"] = summary.finished;
  out["virtual_s"] = summary.seconds;
  out["offered_requests_per_s"] = summary.offered_per_s;
  out["ttft_s"] = to_json(summary.ttft);
  out["tbt_s"] = to_json(summary.tbt);
  out["each_gap_s"] = summary.gaps ? to_json(*summary.gaps) : Json(nullptr);
  out["e2e_s"] = to_json(summary.e2e);
  out["queue_s"] = to_json(summary.queue);
  out["second_token_gap_s"] = to_json(summary.second_token);
  out["transfer_s"] = to_json(summary.transfer);
  out["slo"] = summary.slo ? to_json(*summary.slo, summary.slo_reference) : Json(nullptr);
  out["requests_per_s"] = summary.finished_per_s;
  out["good_requests_per_s"] = summary.good_per_s;
  out["prompt_tokens_per_s"] = summary.prompt_tokens_per_s;
  out["output_tokens_per_s"] = summary.output_tokens_per_s;
  out["roles"] = Json::array();
  for (const auto& role : summary.roles) out["roles"].push_back(to_json(role));
  out["each_machine"] = Json::array();
  for (const auto& machine : summary.each_machine) out["each_machine"].push_back(to_json(machine));
  out["pool_moves"] = summary.pool_moves;
  out["pool_returns"] = summary.pool_returns;
  out["role_changes"] = Json::array();
  for (const auto& change : summary.role_changes)
    out["role_changes"].push_back(
        {{"at_s", change.at_s}, {"machine", change.machine}, {"role", change.role}, {"why", change.why}});
  out["preemptions"] = summary.preemptions;
  out["price_per_hour"] = summary.price_per_hour;
  out["dollars"] = summary.dollars;
  out["dollars_per_million_output_tokens"] = summary.dollars_per_million_output_tokens;
  out["power_w"] = summary.power_w;
  out["energy_wh"] = summary.energy_wh;
  out["events"] = summary.events;
  out["notes"] = summary.notes;
  return out.dump(2) + "\n";
}

}  // namespace troupe::simulate
