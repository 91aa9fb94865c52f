#!/usr/bin/env python3
"""How well the simulator foretells a real cluster: predicted beside measured TTFT, TBT and E2E.

usage: fidelity.py [--model tools/demo_model/checkpoint] [--requests 200] [--load 0.5 0.8] [--prompt-tokens 128] [--output-tokens 48]
                   [--machines prompt,token] [--json]
needs: a build, and a core for each machine that nothing else uses; nothing beyond Python

First `troupe profile` measures the model's steps with one thread. Then, for each load (the share of what the profile says that the prompt or
the token machine could do at most), a trace of Poisson arrivals with lengths spread around the means is played twice by its times: to a real
cluster of one node a machine, through `troupe bench`, and to `troupe simulate` with the recorded step times, the same policy and the same
trace. Printed are both at P50, P90 and P99, and by how much the prediction is off. The client and the front node run on the same cores as the
machines: what they take from them is in the measured figures, and not in the predicted ones.
"""
import argparse
import csv
import json
import math
import pathlib
import random
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


def profile(a, folder):
    file = pathlib.Path(folder) / "here.yaml"
    run([a.troupe, "profile", a.model, "--set", "device.threads=1", "--set", f"device.kv_memory={a.kv_memory}", "--name", "one-core",
         "--out", file])
    return file


def model_name(file):
    lines = file.read_text().splitlines()
    return lines[lines.index("models:") + 1].split(": ")[1]


def recorded(file, prompt_tokens, decodes):
    """Seconds of the recorded step with the nearest prompt alone, or the nearest batch of decodes alone."""
    best = None
    for line in file.read_text().splitlines():
        if not line.strip().startswith("- ["):
            continue
        tokens, before, batch, context, seconds = (float(part) for part in line.split("[")[1].rstrip("]").split(",")[1:])
        if before or (tokens > 0) == (decodes > 0):
            continue
        distance = abs(tokens - prompt_tokens) if prompt_tokens else abs(batch - decodes) * 1e6 + abs(context - decodes * 256)
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


def measured(a, folder, trace, draw):
    machines = tuple((f"{role[0]}{number}", role) for number, role in enumerate(a.machines.split(",")))
    cluster = Cluster(a, folder, draw, machines=machines)
    try:
        cluster.start(20)
        found = json.loads(run([a.troupe, "bench", "--url", cluster.url, "--trace", trace, "--ignore-eos", "--warmup", 4, "--vocab-size",
                                a.vocab_size, "--json", "--detailed"]))
    finally:
        cluster.end()
    if found["failed"]:
        sys.exit(f"troupe bench: {found['failed']} requests failed")
    return {"TTFT": found["ttfts"], "TBT": [gap for gaps in found["itls"] for gap in gaps],
            "E2E": [first + sum(gaps) for first, gaps in zip(found["ttfts"], found["itls"])]}


def predicted(a, folder, trace, file):
    rows, gaps = pathlib.Path(folder) / "requests.csv", pathlib.Path(folder) / "gaps.csv"
    machines = ",".join(f"{role}:one-core" for role in a.machines.split(","))
    run([a.troupe, "simulate", "--hardware", file, "--machines", machines, "--model", model_name(file), "--tensor-parallel", 1, "--policy",
         "splitwise", "--performance-model", "recorded", "--trace", trace, "--requests-csv", rows, "--json", gaps, "--quiet"])
    with open(rows, newline="") as table:
        served = [{key: float(value) for key, value in row.items() if key.endswith("_s") or key.endswith("_tokens")}
                  for row in csv.DictReader(table)]
    # Of gaps the simulator keeps the mean of each request, weighed here by how many it had.
    each = [((row["e2e_s"] - row["ttft_s"]) / (row["output_tokens"] - 1), int(row["output_tokens"]) - 1)
            for row in served if row["output_tokens"] > 1]
    return {"TTFT": [row["ttft_s"] for row in served], "TBT": [gap for gap, count in each for _ in range(count)],
            "E2E": [row["e2e_s"] for row in served]}


def compare(load, real, foretold):
    rows = []
    for metric in ("TTFT", "TBT", "E2E"):
        for part in PARTS:
            is_so, was_said = (1e3 * percentile(sorted(side[metric]), part) for side in (real, foretold))
            rows.append({"load": load, "metric": metric, "percentile": part, "measured_ms": is_so, "predicted_ms": was_said,
                         "error_percent": 100 * (was_said / is_so - 1)})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--troupe", default=str(ROOT / "build/troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools/demo_model/checkpoint"))
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--load", type=float, nargs="+", default=[0.5, 0.8])
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
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = profile(a, folder)
        most = most_requests_per_s(a, file)
        for load in a.load:
            trace = pathlib.Path(folder) / "trace.csv"
            write_trace(a, load * most, draw, trace)
            rows += compare(load, measured(a, folder, trace, draw), predicted(a, folder, trace, file))
    if a.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'load':>5} {'metric':>6} {'':>4} {'measured':>11} {'predicted':>11} {'error':>8}")
    for row in rows:
        print(f"{row['load']:5.2f} {row['metric']:>6} {'p%g' % (100 * row['percentile']):>4} {row['measured_ms']:8.1f} ms "
              f"{row['predicted_ms']:8.1f} ms {row['error_percent']:+7.1f} %")


if __name__ == "__main__":
    main()
