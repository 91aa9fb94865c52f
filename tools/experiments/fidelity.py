#!/usr/bin/env python3
"""How well the simulator foretells a real cluster: predicted beside measured TTFT, TBT and E2E.

usage: fidelity.py [--model tools/demo_model/checkpoint] [--requests 200] [--load 0.3 0.6] [--rounds 3] [--prompt-tokens 128]
                   [--output-tokens 48] [--machines prompt,token] [--json]
needs: a build, and a core for each machine that nothing else uses; nothing beyond Python. As root, `nice -n -19` keeps others away.

Each round measures the machine first: `troupe profile` times the model's steps with one thread, and one request after another through an
idle cluster shows what HTTP, actors and the way between machines cost besides. Then, for each load (the share of what the profile says
that the prompt or the token machine could do at most), a trace of Poisson arrivals with lengths spread around the means is played by its
times: twice to the real cluster of one node a machine, through `troupe bench`, and to `troupe simulate` with the recorded step times, the
same policy and the same trace.

A host that others use as well may be half as fast a minute later. So a small loop of known work is timed all along, and what was recorded
is scaled by what the loop took during the plays over what it took during the profile ("host" below); --as-recorded leaves that out.

Printed are, of all rounds, the medians of what was measured and foretold at P50, P90 and P99 and by how much the prediction is off; and,
as "again", by how much a second play of the same trace was off the first: what no prediction can be better than on this host. TBT is each
gap between two tokens.
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
import time

from cluster import ROOT, Cluster, die_with_parent, percentile

PARTS = (0.5, 0.9, 0.99)


def run(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(part) for part in command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


class HostSpeed:
    """How long a millisecond's work takes on this host, twenty times a second, in a process of its own."""

    LOOP = """
import time
def work():
    begin, total = time.perf_counter(), 0
    for i in range(20000): total += i
    return time.perf_counter() - begin
while True:
    print(time.monotonic(), work(), flush=True)
    time.sleep(0.05)
"""

    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "host.txt"
        with open(self.file, "w") as out:
            self.process = subprocess.Popen([sys.executable, "-c", self.LOOP], stdout=out, preexec_fn=die_with_parent)

    def end(self):
        self.process.kill()
        self.process.wait()

    def between(self, begin, end):
        samples = (line.split() for line in self.file.read_text().splitlines()[:-1])
        return statistics.median(float(took) for at, took in samples if begin <= float(at) <= end)


def scaled(file, factor):
    """The same hardware file with every recorded step taking `factor` times as long."""
    def longer(line):
        head, seconds = line.rstrip("]").rsplit(",", 1)
        return f"{head}, {float(seconds) * factor}]"
    out = file.with_suffix(".scaled.yaml")
    out.write_text("\n".join(longer(line) if line.startswith("      - [") else line for line in file.read_text().splitlines()) + "\n")
    return out


def profile(a, folder):
    file = pathlib.Path(folder) / "here.yaml"
    run([a.troupe, "profile", a.model, "--set", "device.threads=1", "--set", f"device.kv_memory={a.kv_memory}", "--name", "one-core",
         "--out", file])
    return file


def model_name(file):
    lines = file.read_text().splitlines()
    return lines[lines.index("models:") + 1].split(": ")[1]


def recorded(file, prompt_tokens, decodes, context=256):
    """Seconds of the recorded step with the nearest prompt alone, or the nearest batch of decodes alone."""
    best = None
    for line in file.read_text().splitlines():
        if not line.strip().startswith("- ["):
            continue
        tokens, before, batch, positions, seconds = (float(part) for part in line.split("[")[1].rstrip("]").split(",")[1:])
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


def overheads(a, cluster, steps_since):
    """Settings of the simulator: what one short request after another took beyond its recorded steps."""
    prompt, output = 8, 24
    begin = time.monotonic()
    found = bench(a, cluster, "--warmup", 4, "--num-prompts", 20, "--max-concurrency", 1, "--input-len", prompt, "--output-len", output)
    file = steps_since(begin)
    step = percentile(sorted(gap for gaps in found["itls"] for gap in gaps[1:]), 0.5)
    second = percentile(sorted(gaps[0] for gaps in found["itls"]), 0.5)
    beyond = {"overheads.step_us": step - recorded(file, 0, 1, 32), "network.latency_us": second - step,
              "overheads.request_us": percentile(sorted(found["ttfts"]), 0.5) - recorded(file, prompt, 0)}
    beyond["overheads.request_us"] -= max(0, beyond["overheads.step_us"])
    return {key: max(0, round(1e6 * seconds)) for key, seconds in beyond.items()}


def measured(a, cluster, trace):
    found = bench(a, cluster, "--trace", trace, "--warmup", 4)
    return {"TTFT": found["ttfts"], "TBT": [gap for gaps in found["itls"] for gap in gaps],
            "E2E": [first + sum(gaps) for first, gaps in zip(found["ttfts"], found["itls"])]}


def at_percentiles(seen):
    return {(metric, part): percentile(sorted(values), part) for metric, values in seen.items() for part in PARTS}


def predicted(a, folder, trace, file, settings):
    rows, summary = pathlib.Path(folder) / "requests.csv", pathlib.Path(folder) / "summary.json"
    machines = ",".join(f"{role}:one-core" for role in a.machines.split(","))
    run([a.troupe, "simulate", "--hardware", file, "--machines", machines, "--model", model_name(file), "--tensor-parallel", 1, "--policy",
         "splitwise", "--performance-model", "recorded", "--trace", trace, "--requests-csv", rows, "--json", summary, "--quiet",
         *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))])
    with open(rows, newline="") as table:
        served = list(csv.DictReader(table))
    out = at_percentiles({name: [float(row[key]) for row in served] for name, key in (("TTFT", "ttft_s"), ("E2E", "e2e_s"))})
    gaps = json.loads(summary.read_text())["each_gap_s"]
    return out | {("TBT", part): gaps[f"p{round(100 * part)}"] for part in PARTS}


def play(a, draw, rounds):
    """Adds (first, second, predicted) of each load to its rounds."""
    with tempfile.TemporaryDirectory() as folder:
        host = HostSpeed(folder)
        begin = time.monotonic()
        file = profile(a, folder)
        when_profiled = host.between(begin, time.monotonic())
        cluster = start_cluster(a, folder, draw)
        try:
            settings = overheads(a, cluster, lambda begin: scaled(file, host.between(begin, time.monotonic()) / when_profiled))
            print("beyond steps:", ", ".join(f"{key} {value}" for key, value in settings.items()), file=sys.stderr)
            for load in a.load:
                trace = pathlib.Path(folder) / "trace.csv"
                write_trace(a, load * most_requests_per_s(a, file), draw, trace)
                begin = time.monotonic()
                plays = [at_percentiles(measured(a, cluster, trace)) for _ in range(2)]
                slower = 1 if a.as_recorded else host.between(begin, time.monotonic()) / when_profiled
                print(f"host: {slower:.2f} times as slow as when it was profiled", file=sys.stderr)
                rounds[load].append((*plays, predicted(a, folder, trace, scaled(file, slower), settings)))
        finally:
            cluster.end()
            host.end()


def compare(load, rounds):
    rows = []
    for key in ((metric, part) for metric in ("TTFT", "TBT", "E2E") for part in PARTS):
        is_so = statistics.median(seen[key] for first, second, _ in rounds for seen in (first, second))
        was_said = statistics.median(said[key] for _, _, said in rounds)
        again = statistics.median(abs(second[key] / first[key] - 1) for first, second, _ in rounds)
        off = statistics.median(said[key] / ((first[key] + second[key]) / 2) - 1 for first, second, said in rounds)
        rows.append({"load": load, "metric": key[0], "percentile": key[1], "measured_ms": 1e3 * is_so, "predicted_ms": 1e3 * was_said,
                     "error_percent": 100 * off, "again_percent": 100 * again})
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--troupe", default=str(ROOT / "build/troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools/demo_model/checkpoint"))
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--load", type=float, nargs="+", default=[0.3, 0.6])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--output-tokens", type=int, default=48)
    parser.add_argument("--machines", default="prompt,token")
    parser.add_argument("--kv-memory", default="256MiB")
    parser.add_argument("--vocab-size", type=int, default=1000)
    parser.add_argument("--transport", default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-recorded", action="store_true", help="do not scale by the host's speed")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    draw = random.Random(a.seed)
    rounds = {load: [] for load in a.load}
    for _ in range(a.rounds):
        play(a, draw, rounds)
    rows = [row for load in a.load for row in compare(load, rounds[load])]
    if a.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'load':>5} {'metric':>6} {'':>4} {'measured':>11} {'predicted':>11} {'error':>9} {'again':>9}")
    for row in rows:
        print(f"{row['load']:5.2f} {row['metric']:>6} {'p%g' % (100 * row['percentile']):>4} {row['measured_ms']:8.1f} ms "
              f"{row['predicted_ms']:8.1f} ms {row['error_percent']:+7.1f} % {row['again_percent']:7.1f} %")


if __name__ == "__main__":
    main()
