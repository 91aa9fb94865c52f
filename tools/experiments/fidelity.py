#!/usr/bin/env python3
"""How well the simulator foretells a real cluster: predicted beside measured TTFT, TBT and E2E.

usage: fidelity.py [--model tools/demo_model/checkpoint] [--requests 40] [--load 0.2 0.4] [--rounds 5] [--prompt-tokens 128]
                   [--output-tokens 48] [--machines prompt,token] [--json]
needs: a build, and a core for each machine that nothing else uses; nothing beyond Python. As root, `nice -n -19` keeps others away.

Each round measures the machine before it plays and after: `troupe profile` times the model's steps with one thread. Between the two, one
request after another through an idle cluster of one node a machine shows what HTTP, actors and the way between machines cost besides; then,
for each load (the share of what the profile says that the prompt or the token machine could do at most), a trace of Poisson arrivals with
lengths spread around the means is played by its times, twice, through `troupe bench`. `troupe simulate` plays the same trace with the same
policy and the mean of the round's two profiles.

A host that others use as well may be half as fast a minute later, which is why measurements take turns. Printed are the means over all
rounds of what was measured and foretold at P50, P90 and P99, by how much the prediction is off, and, as "again", by how much the second
plays were off the first ones: what no prediction can be better than on this host. TBT is each gap between two tokens.
"""
import argparse
import csv
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

from cluster import ROOT, Cluster, percentile

PARTS = (0.5, 0.9, 0.99)


def run(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(part) for part in command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def profile(a, file):
    run([a.troupe, "profile", a.model, "--set", "device.threads=1", "--set", f"device.kv_memory={a.kv_memory}", "--name", "one-core",
         "--longest-prompt", min(2048, 4 * a.prompt_tokens), "--most-decodes", 16, "--seconds-a-step", 0.15, "--out", file])
    return file


def split_step(line):
    """What was measured, and how many seconds it took; (line, None) where it is another line."""
    if not line.startswith("      - ["):
        return line, None
    head, seconds = line.rstrip("]").rsplit(",", 1)
    return head, float(seconds)


def mean_profile(files, out):
    """A hardware file of the mean times, with the jitter that all of them saw around these."""
    tables = [[split_step(line) for line in file.read_text().splitlines()] for file in files]
    means = {head: statistics.mean(dict(table)[head] for table in tables) for head, seconds in tables[0] if seconds}
    jitter = []
    for table in tables:
        speed = statistics.median(seconds / means[head] for head, seconds in table if seconds)
        line = next(line for line, _ in table if line.startswith("    jitter: "))
        jitter += [speed * float(factor) for factor in line.split("[")[1].rstrip("]").split(", ")]
    jitter = sorted(jitter)[len(files) // 2::len(files)]
    lines = []
    for head, seconds in tables[0]:
        if head.startswith("    jitter: "):
            head = f"    jitter: [{', '.join(f'{factor:.6f}' for factor in jitter)}]"
        lines.append(f"{head}, {means[head]}]" if seconds else head)
    out.write_text("\n".join(lines) + "\n")
    return out


def model_name(file):
    lines = file.read_text().splitlines()
    return lines[lines.index("models:") + 1].split(": ")[1]


def recorded(file, prompt_tokens, decodes, context=256):
    """Seconds of the recorded step with the nearest prompt alone, or the nearest batch of decodes alone."""
    best = None
    for head, seconds in (split_step(line) for line in file.read_text().splitlines()):
        if seconds is None:
            continue
        tokens, before, batch, positions = (float(part) for part in head.split(",")[1:])
        if before or (tokens > 0) == (decodes > 0):
            continue
        distance = abs(tokens - prompt_tokens) if prompt_tokens else abs(batch - decodes) * 1e6 + abs(positions - decodes * context)
        if best is None or distance < best[0]:
            best = (distance, seconds)
    return best[1]


def most_requests_per_s(a, file):
    """What the slower machine could do: prompts one by one, tokens in batches of eight."""
    return min(1 / recorded(file, a.prompt_tokens, 0), 8 / (recorded(file, 0, 8) * a.output_tokens))


def write_trace(a, rate, draw, file):
    at = 0.0
    with open(file, "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["request_id", "request_type", "application_id", "arrival_timestamp", "batch_size", "prompt_size", "token_size"])
        for number in range(a.requests):
            at += draw.expovariate(rate)
            lengths = [max(2, min(4 * mean, round(mean * math.exp(draw.gauss(0, 0.5))))) for mean in (a.prompt_tokens, a.output_tokens)]
            rows.writerow([number, 2, 0, f"{at:.6f}", 1, *lengths])


def start_cluster(a, folder, draw):
    machines = tuple((f"{role[0]}{number}", role) for number, role in enumerate(a.machines.split(",")))
    cluster = Cluster(a, folder, draw, machines=machines)
    cluster.start(20)
    return cluster


def bench(a, cluster, *flags):
    found = json.loads(run([a.troupe, "bench", "--url", cluster.url, "--ignore-eos", "--vocab-size", a.vocab_size, "--json", "--detailed",
                            *flags]))
    if found["failed"]:
        sys.exit(f"troupe bench: {found['failed']} requests failed")
    return found


def idle_times(a, cluster):
    """Medians of one short request after another: the first token, the second and the ones behind it."""
    found = bench(a, cluster, "--warmup", 4, "--num-prompts", 20, "--max-concurrency", 1, "--input-len", 8, "--output-len", 24)
    gaps = found["itls"]
    return [statistics.median(times) for times in
            (found["ttfts"], [each[0] for each in gaps], [gap for each in gaps for gap in each[1:]])]


def overheads(rounds):
    """Settings of the simulator: what these took beyond the recorded steps, by the median of all rounds."""
    beyond = []
    for each in rounds:
        first, second, later = each["idle"]
        step = later - recorded(each["profile"], 0, 1, 32)
        beyond.append((step, second - later, first - recorded(each["profile"], 8, 0) - step))
    keys = ("overheads.step_us", "network.latency_us", "overheads.request_us")
    return {key: max(0, round(1e6 * statistics.median(seconds))) for key, seconds in zip(keys, zip(*beyond))}


def measured(a, cluster, trace):
    found = bench(a, cluster, "--trace", trace, "--warmup", 4)
    return {"TTFT": found["ttfts"], "TBT": [gap for gaps in found["itls"] for gap in gaps],
            "E2E": [first + sum(gaps) for first, gaps in zip(found["ttfts"], found["itls"])]}


def at_percentiles(seen):
    return {(metric, part): percentile(sorted(values), part) for metric, values in seen.items() for part in PARTS}


def predicted(a, folder, trace, file, settings):
    rows, summary = folder / "requests.csv", folder / "summary.json"
    machines = ",".join(f"{role}:one-core" for role in a.machines.split(","))
    run([a.troupe, "simulate", "--hardware", file, "--machines", machines, "--model", model_name(file), "--tensor-parallel", 1, "--policy",
         "splitwise", "--performance-model", "recorded", "--trace", trace, "--requests-csv", rows, "--json", summary, "--quiet",
         *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))])
    with open(rows, newline="") as table:
        served = list(csv.DictReader(table))
    out = at_percentiles({name: [float(row[key]) for row in served] for name, key in (("TTFT", "ttft_s"), ("E2E", "e2e_s"))})
    gaps = json.loads(summary.read_text())["each_gap_s"]
    return out | {("TBT", part): gaps[f"p{round(100 * part)}"] for part in PARTS}


def play(a, folder, draw):
    """One round: its profile, its times in an idle cluster, and (trace, first play, second play) of each load."""
    folder.mkdir()
    before = profile(a, folder / "before.yaml")
    cluster = start_cluster(a, folder, draw)
    try:
        idle = idle_times(a, cluster)
        plays = {}
        for load in a.load:
            trace = folder / f"trace-{load}.csv"
            write_trace(a, load * most_requests_per_s(a, before), draw, trace)
            plays[load] = (trace, *(at_percentiles(measured(a, cluster, trace)) for _ in range(2)))
    finally:
        cluster.end()
    after = profile(a, folder / "after.yaml")
    return {"profile": mean_profile([before, after], folder / "mean.yaml"), "idle": idle, "plays": plays}


def compare(a, folder, rounds, settings):
    rows = []
    for load in a.load:
        said = [predicted(a, folder, each["plays"][load][0], each["profile"], settings) for each in rounds]
        for key in ((metric, part) for metric in ("TTFT", "TBT", "E2E") for part in PARTS):
            first, second = (statistics.mean(each["plays"][load][play][key] for each in rounds) for play in (1, 2))
            was_said, is_so = statistics.mean(each[key] for each in said), (first + second) / 2
            rows.append({"load": load, "metric": key[0], "percentile": key[1], "measured_ms": 1e3 * is_so, "predicted_ms": 1e3 * was_said,
                         "error_percent": 100 * (was_said / is_so - 1), "again_percent": 100 * (second / first - 1)})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--troupe", default=str(ROOT / "build/troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools/demo_model/checkpoint"))
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--load", type=float, nargs="+", default=[0.2, 0.4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--output-tokens", type=int, default=48)
    parser.add_argument("--machines", default="prompt,token")
    parser.add_argument("--kv-memory", default="256MiB")
    parser.add_argument("--vocab-size", type=int, default=1000)
    parser.add_argument("--transport", default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    draw = random.Random(a.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rounds = [play(a, folder / f"round-{number}", draw) for number in range(a.rounds)]
        settings = overheads(rounds)
        print("beyond steps:", ", ".join(f"{key} {value}" for key, value in settings.items()), file=sys.stderr)
        rows = compare(a, folder, rounds, settings)
    if a.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'load':>5} {'metric':>6} {'':>4} {'measured':>11} {'predicted':>11} {'error':>9} {'again':>9}")
    for row in rows:
        print(f"{row['load']:5.2f} {row['metric']:>6} {'p%g' % (100 * row['percentile']):>4} {row['measured_ms']:8.1f} ms "
              f"{row['predicted_ms']:8.1f} ms {row['error_percent']:+7.1f} % {row['again_percent']:+7.1f} %")


if __name__ == "__main__":
    main()
