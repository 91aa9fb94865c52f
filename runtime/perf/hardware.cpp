#include "runtime/perf/hardware.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <sstream>

#include "runtime/base/did_you_mean.hpp"
#include "runtime/base/number.hpp"
#include "runtime/config/document.hpp"
#include "runtime/config/problems.hpp"
#include "runtime/perf/embedded.hpp"

namespace troupe::perf {
namespace {

using config::Node;
using config::Problems;

/// One key of an entry: what takes its text, and what to say where that refuses.
struct Key {
  std::string name;
  std::string expected;
  std::function<bool(const std::string&)> take;
  bool required = true;
};

/// A number from `least` to `most`, times `unit`.
template <class Number>
Key number_key(std::string name, Number& slot, double unit, double least, double most) {
  std::string expected = "a number from " + std::to_string(static_cast<std::int64_t>(least)) + " to " +
                         std::to_string(static_cast<std::int64_t>(most));
  return {std::move(name), std::move(expected), [&slot, unit, least, most](const std::string& text) {
            const auto value = parse_number<double>(text);
            if (!value || *value < least || *value > most) return false;
            slot = static_cast<Number>(*value * unit);
            return true;
          }};
}

template <class Number>
Key count_key(std::string name, Number& slot, std::int32_t most) {
  return {std::move(name), "a whole number from 1 to " + std::to_string(most), [&slot, most](const std::string& text) {
            const auto value = parse_number<double>(text);
            if (!value || *value < 1 || *value > most || *value != std::floor(*value)) return false;
            slot = static_cast<Number>(*value);
            return true;
          }};
}

Key name_key(std::string& slot) {
  return {"name", "a name of 1 to 64 letters, digits, \"-\", \".\" and \"_\"", [&slot](const std::string& text) {
            const auto good = [](char c) {
              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_';
            };
            slot = text;
            return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), good);
          }};
}

/// Sizes as "80GiB".
Key memory_key(std::int64_t& slot) {
  return {"memory", "a size from 0.001GiB to 4096GiB, as 80GiB", [&slot](const std::string& text) {
            if (!text.ends_with("GiB")) return false;
            const auto value = parse_number<double>(text.substr(0, text.size() - 3));
            if (!value || *value < 0.001 || *value > 4096) return false;
            slot = static_cast<std::int64_t>(*value * 1073741824.0);
            return true;
          }};
}

/// "- [model, prompt tokens, prompt context, decodes, decode context, seconds]"
void read_recorded(const Node& list, Hardware& hardware, Problems& problems) {
  constexpr std::size_t kFields = 6;
  for (const auto& item : list.items) {
    bool good = item.kind == Node::Kind::kSequence && item.items.size() == kFields;
    std::array<double, kFields> values{};
    for (std::size_t i = 1; i < kFields && good; ++i) {
      const auto value = parse_number<double>(item.items[i].text);
      good = value && *value >= 0 && *value <= 1e12 && (i + 1 == kFields || *value == std::floor(*value));
      values[i] = value.value_or(0);
    }
    if (!good || !(values[1] > 0 || values[3] > 0) || values[5] <= 0) {
      problems.add(item.place, "a recorded step is " + item.described(),
                   "[model, prompt tokens, prompt context, decodes, decode context, seconds], with a prompt or "
                   "decodes");
      return;
    }
    const auto whole = [&](std::size_t i) { return static_cast<std::int64_t>(values[i]); };
    hardware.recorded[item.items[0].text].push_back({{whole(1), whole(2), whole(3), whole(4)}, values[5]});
  }
}

void read_jitter(const Node& list, Hardware& hardware, Problems& problems) {
  constexpr std::size_t kMost = 1000;
  constexpr double kLargest = 1000;
  for (const auto& item : list.items) {
    const auto factor = parse_number<double>(item.text);
    if (!factor || *factor <= 0 || *factor > kLargest || hardware.jitter.size() == kMost) {
      problems.add(item.place, "a factor of the jitter is " + item.described(),
                   "at most 1000 numbers above 0, none above 1000");
      return;
    }
    hardware.jitter.push_back(*factor);
  }
}

void read_entry(const Node& entry, const std::vector<Key>& keys, const std::string& what, Problems& problems,
                Hardware* hardware = nullptr) {
  if (entry.kind != Node::Kind::kMapping) {
    problems.add(entry.place, what + " is " + entry.described(), "a mapping");
    return;
  }
  std::vector<std::string> seen, known;
  for (const auto& key : keys) known.push_back(key.name);
  for (const auto& [name, value] : entry.entries) {
    seen.push_back(name.text);
    if (hardware != nullptr && value.kind == Node::Kind::kSequence && name.text == "aliases") {
      for (const auto& item : value.items) hardware->aliases.push_back(item.text);
      continue;
    }
    if (hardware != nullptr && value.kind == Node::Kind::kSequence && name.text == "recorded") {
      read_recorded(value, *hardware, problems);
      continue;
    }
    if (hardware != nullptr && value.kind == Node::Kind::kSequence && name.text == "jitter") {
      read_jitter(value, *hardware, problems);
      continue;
    }
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name.text; });
    if (key == keys.end()) {
      problems.add(name.place, what + " has no key " + config::in_quotes(name.text) + did_you_mean(name.text, known),
                   config::one_of(known));
    } else if (value.kind != Node::Kind::kScalar || !key->take(value.text)) {
      problems.add(value.place, key->name + " is " + value.described(), key->expected);
    }
  }
  for (const auto& key : keys)
    if (key.required && std::find(seen.begin(), seen.end(), key.name) == seen.end())
      problems.add(entry.place, what + " lacks its key " + key.name, key.expected);
}

void read_hardware(const Node& entry, Catalogue& out, Problems& problems) {
  Hardware hardware;
  read_entry(entry,
             {name_key(hardware.name), count_key("gpus", hardware.gpus, 64), memory_key(hardware.memory_bytes),
              number_key("peak_tflops", hardware.peak_flops, 1e12, 0, 100'000),
              number_key("bandwidth_gb_per_s", hardware.memory_bytes_per_s, 1e9, 0, 1'000'000),
              number_key("link_gb_per_s", hardware.link_bytes_per_s, 1e9, 0, 100'000),
              number_key("power_w", hardware.power_w, 1, 0, 1'000'000),
              number_key("price_per_hour", hardware.price_per_hour, 1, 0, 1'000'000)},
             "a machine", problems, &hardware);
  out.hardware.push_back(std::move(hardware));
}

void read_model(const Node& entry, Catalogue& out, Problems& problems) {
  ModelShape model;
  auto bits = count_key("kv_bits", model.kv_bits, 64);
  bits.required = false;
  read_entry(
      entry,
      {name_key(model.name), count_key("layers", model.layers, 10'000), count_key("hidden", model.hidden, 1'000'000),
       count_key("heads", model.heads, 10'000), count_key("kv_heads", model.kv_heads, 10'000),
       number_key("parameters_b", model.parameters, 1e9, 0, 100'000),
       number_key("weights_gb", model.weight_bytes, 1e9, 0, 200'000), std::move(bits)},
      "a model", problems);
  if (problems.empty() && (model.hidden % model.heads != 0 || model.heads % model.kv_heads != 0))
    problems.add(entry.place, model.name + "'s heads do not divide its hidden size, or its KV heads not its heads");
  out.models.push_back(std::move(model));
}

template <class Entry>
std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> out;
  for (const auto& entry : entries) out.push_back(entry.name);
  return out;
}

template <class Entry>
Error unknown(const std::string& what, std::string_view name, const std::vector<Entry>& entries) {
  const auto names = names_of(entries);
  return {ErrorCode::kInvalidInput, "there is no " + what + " " + config::in_quotes(name) + did_you_mean(name, names) +
                                        "; the catalogue has " + config::one_of(names) + "."};
}

template <class Entry>
void refuse_repeated(const std::vector<Entry>& entries, Problems& problems) {
  auto names = names_of(entries);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) problems.add({}, config::in_quotes(*twice) + " is in the catalogue twice");
}

}  // namespace

Result<Hardware> Catalogue::find_hardware(std::string_view name) const {
  for (const auto& each : hardware)
    if (each.name == name || std::find(each.aliases.begin(), each.aliases.end(), name) != each.aliases.end())
      return each;
  return unknown("hardware", name, hardware);
}

Result<ModelShape> Catalogue::find_model(std::string_view name) const {
  for (const auto& each : models)
    if (each.name == name) return each;
  return unknown("model", name, models);
}

std::string to_yaml(const Hardware& hardware) {
  std::ostringstream out;
  out.precision(9);
  out << "  - name: " << hardware.name << "\n    gpus: " << hardware.gpus
      << "\n    memory: " << static_cast<double>(hardware.memory_bytes) / 1073741824.0
      << "GiB\n    peak_tflops: " << hardware.peak_flops / 1e12
      << "\n    bandwidth_gb_per_s: " << hardware.memory_bytes_per_s / 1e9
      << "\n    link_gb_per_s: " << hardware.link_bytes_per_s / 1e9 << "\n    power_w: " << hardware.power_w
      << "\n    price_per_hour: " << hardware.price_per_hour << "\n";
  if (!hardware.jitter.empty()) {
    out << "    jitter: [" << hardware.jitter.front();
    for (std::size_t i = 1; i < hardware.jitter.size(); ++i) out << ", " << hardware.jitter[i];
    out << "]\n";
  }
  if (!hardware.recorded.empty()) out << "    recorded:\n";
  for (const auto& [model, points] : hardware.recorded)
    for (const auto& [step, seconds] : points)
      out << "      - [" << model << ", " << step.prompt_tokens << ", " << step.prompt_context << ", " << step.decodes
          << ", " << step.decode_context << ", " << seconds << "]\n";
  return out.str();
}

std::string to_yaml(const ModelShape& model) {
  std::ostringstream out;
  out.precision(9);
  out << "  - name: " << model.name << "\n    layers: " << model.layers << "\n    hidden: " << model.hidden
      << "\n    heads: " << model.heads << "\n    kv_heads: " << model.kv_heads
      << "\n    parameters_b: " << model.parameters / 1e9
      << "\n    weights_gb: " << static_cast<double>(model.weight_bytes) / 1e9 << "\n    kv_bits: " << model.kv_bits
      << "\n";
  return out.str();
}

Result<Catalogue> parse_catalogue(std::string_view text, const std::string& file) {
  Problems problems(file, text);
  const auto root = config::parse_document(text, problems);
  Catalogue out;
  if (root) {
    for (const auto& [key, list] : root->entries) {
      const bool hardware = key.text == "hardware";
      if (!hardware && key.text != "models") {
        problems.add(key.place, "a catalogue has no key " + config::in_quotes(key.text), "hardware or models");
      } else if (list.kind != Node::Kind::kSequence) {
        problems.add(list.place, key.text + " is " + list.described(), "a list");
      } else {
        for (const auto& item : list.items)
          hardware ? read_hardware(item, out, problems) : read_model(item, out, problems);
      }
    }
    refuse_repeated(out.hardware, problems);
    refuse_repeated(out.models, problems);
    if (problems.empty() && (out.hardware.empty() || out.models.empty()))
      problems.add({1, 1, 1}, "the catalogue has no hardware or no models", "both lists");
  }
  if (!problems.empty()) return problems.error();
  return out;
}

const Catalogue& built_in_catalogue() {
  static const auto catalogue = parse_catalogue(kHardwareFile, "hardware.yaml").value();
  return catalogue;
}

}  // namespace troupe::perf
