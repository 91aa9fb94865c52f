// The summary as people read it in a terminal.
#include <cstdarg>
#include <cstdio>

#include "tools/simulate/summary.hpp"

namespace troupe::simulate {
namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char line[256];
  std::va_list values;
  va_start(values, pattern);
  std::vsnprintf(line, sizeof line, pattern, values);
  va_end(values);
  return line;
}

/// "12.3 ms" or "1.234 s": four digits that say something.
std::string seconds(double value) { return value < 1 ? format("%.1f ms", value * 1e3) : format("%.3f s", value); }

std::string latency_row(const char* name, const Distribution& of) {
  return format("%-14s %11s %11s %11s %11s %11s\n", name, seconds(of.p50).c_str(), seconds(of.p90).c_str(),
                seconds(of.p99).c_str(), seconds(of.mean).c_str(), seconds(of.largest).c_str());
}

std::string slo_block(const SloReport& slo, const std::string& reference) {
  auto out = format("\nslowdown over a request alone on %s: measured (must be under)\n", reference.c_str());
  out += format("%-14s %19s %19s %19s\n", "", "P50", "P90", "P99");
  for (std::size_t i = 0; i < slo.checks.size(); i += 3) {
    out += format("%-14s", slo.checks[i].metric == "ttft" ? "TTFT" : slo.checks[i].metric == "tbt" ? "TBT" : "E2E");
    for (std::size_t j = i; j < i + 3; ++j) {
      const auto& check = slo.checks[j];
      out += format(" %9.2f (%.2f)%s", check.slowdown, check.limit, check.holds() ? "   " : " no");
    }
    out += "\n";
  }
  out += format("SLO: %zu of %zu hold%s; %.1f %% of requests are within the P99 limits.\n", slo.holding(),
                slo.checks.size(), slo.all_hold() ? ", attained" : ", missed", slo.within * 100);
  return out;
}

std::string role_block(const std::vector<RoleSummary>& roles) {
  auto out = format("\n%-8s %-18s %8s %7s %12s %11s %8s %12s\n", "role", "hardware", "machines", "busy", "with prompts",
                    "mixed pool", "KV peak", "preemptions");
  for (const auto& role : roles)
    out += format("%-8s %-18s %8lld %6.1f%% %11.1f%% %10.1f%% %7.1f%% %12lld\n", role.role.c_str(),
                  role.hardware.c_str(), static_cast<long long>(role.machines), role.busy * 100, role.prompt_busy * 100,
                  role.mixed_pool * 100, role.kv_peak * 100, static_cast<long long>(role.preemptions));
  return out;
}

}  // namespace

std::string summary_text(const Summary& summary) {
  auto out = summary.policy + ": " + summary.model + " on " + summary.machines + "\n";
  out += format("%zu of %zu requests finished in %.3f s of virtual time (%.2f requests/s offered)\n\n",
                summary.finished, summary.requests, summary.seconds, summary.offered_per_s);
  out += format("%-14s %11s %11s %11s %11s %11s\n", "", "P50", "P90", "P99", "mean", "max");
  out += latency_row("TTFT", summary.ttft) + latency_row("TBT", summary.tbt);
  if (summary.gaps) out += latency_row("each gap", *summary.gaps);
  out += latency_row("E2E", summary.e2e) + latency_row("queueing", summary.queue) +
         latency_row("second token", summary.second_token) + latency_row("KV transfer", summary.transfer);
  if (summary.slo) out += slo_block(*summary.slo, summary.slo_reference);
  out += role_block(summary.roles);
  out += format("\nthroughput: %.2f requests/s, %.0f prompt and %.0f output tokens/s; goodput: %.2f requests/s\n",
                summary.finished_per_s, summary.prompt_tokens_per_s, summary.output_tokens_per_s, summary.good_per_s);
  out += format("pools: %lld machines drawn into the mixed pool, %lld went home; %lld preemptions\n",
                static_cast<long long>(summary.pool_moves), static_cast<long long>(summary.pool_returns),
                static_cast<long long>(summary.preemptions));
  if (!summary.role_changes.empty()) out += format("roles: %zu changes\n", summary.role_changes.size());
  out += format("cost: $%.2f/h, $%.2f for the run, $%.2f a million output tokens; power: %.1f kW rated, %.1f kWh\n",
                summary.price_per_hour, summary.dollars, summary.dollars_per_million_output_tokens,
                summary.power_w / 1e3, summary.energy_wh / 1e3);
  for (const auto& note : summary.notes) out += "note: " + note + "\n";
  return out;
}

}  // namespace troupe::simulate
