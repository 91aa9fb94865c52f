#!/usr/bin/env python3
"""Compares routing policies over several clusters, lengths and models: how far up each holds its objectives, and what is left past that.

usage: tools/experiments/policies.py TRACES [--policy NAME]... [--case WORD] [--seeds N] [--duration S] [--set KEY=VALUE] [--remember FILE]

TRACES is a folder with the Azure 2023 traces, whose lengths are drawn; arrivals are Poisson. For each case and seed, printed for each policy:
its knee (the highest rate, in steps of a twentieth of the case's own, at which all nine SLOs hold), then at 1, 1.15, 1.3 and 1.5 times the first
policy's knee the share of requests within the P99 limits of all three metrics, and the 90th and 99th percentile of TTFT.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from splitwise_runs import ROOT, TRACES  # noqa: E402
from splitwise_search import highest_rate  # noqa: E402

LOADS = (1, 1.15, 1.3, 1.5)
# name: machines, lengths, model, a rate not far from the knee
CASES = {
    "balanced": ("prompt:h100-80gb*6,token:h100-80gb*4", "conversation", "bloom-176b", 18),
    "prompt-heavy": ("prompt:h100-80gb*8,token:h100-80gb*2", "conversation", "bloom-176b", 10),
    "token-heavy": ("prompt:h100-80gb*3,token:h100-80gb*7", "conversation", "bloom-176b", 18),
    "HA": ("prompt:h100-80gb*4,token:a100-80gb*9", "conversation", "bloom-176b", 18),
    "AA": ("prompt:a100-80gb*7,token:a100-80gb*7", "conversation", "bloom-176b", 14),
    "three pools": ("prompt:h100-80gb*4,token:h100-80gb*3,mixed:h100-80gb*3", "conversation", "bloom-176b", 18),
    "all mixed": ("mixed:h100-80gb*8", "conversation", "bloom-176b", 16),
    "mixed, two kinds": ("mixed:h100-80gb*4,mixed:a100-80gb*6", "conversation", "bloom-176b", 14),
    "coding": ("prompt:h100-80gb*8,token:h100-80gb*2", "coding", "bloom-176b", 24),
    "coding, token-heavy": ("prompt:h100-80gb*5,token:h100-80gb*5", "coding", "bloom-176b", 16),
    "llama2": ("prompt:h100-80gb*5,token:h100-80gb*3", "conversation", "llama2-70b", 24),
    "llama2, coding": ("prompt:h100-80gb*6,token:h100-80gb*2", "coding", "llama2-70b", 40),
}


class Runs:
    def __init__(self, options):
        self.options, self.known = options, {}
        if options.remember and options.remember.exists():
            self.known = dict(json.loads(line) for line in options.remember.read_text().splitlines())

    def run(self, case, policy, seed, rate):
        machines, trace, model, _ = CASES[case]
        command = ["simulate", "--machines", machines, "--model", model, "--policy", policy, "--rate", f"{rate:.4g}", "--duration",
                   f"{self.options.duration:g}", "--seed", str(seed)]
        for setting in self.options.set:
            command += ["--set", setting]
        key = f"{trace}: " + " ".join(command)
        if key not in self.known:
            with tempfile.NamedTemporaryFile(suffix=".json") as out:
                lengths = str(self.options.traces / TRACES[trace])
                subprocess.run([self.options.troupe, *command, "--lengths", lengths, "--quiet", "--json", out.name], check=True)
                summary = json.load(out)
            slo = summary["slo"]
            self.known[key] = {"attained": slo["attained"], "within": slo["requests_within_p99_limits"],
                               "ttft_p90": summary["ttft_s"]["p90"], "ttft_p99": summary["ttft_s"]["p99"],
                               "tbt_p90": summary["tbt_s"]["p90"], "e2e_p99": summary["e2e_s"]["p99"],
                               "broken": [f"{check['metric']} P{check['percentile']:g}" for check in slo["checks"] if not check["holds"]]}
            if self.options.remember:
                with open(self.options.remember, "a") as file:
                    file.write(json.dumps([key, self.known[key]]) + "\n")
        return self.known[key]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=pathlib.Path)
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--policy", action="append", help="default: splitwise and slo_aware; the first one's knee is the others' measure")
    parser.add_argument("--case", help="cases whose name has this word")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--duration", type=float, default=40)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--remember", type=pathlib.Path, help="a file of the runs that were made, to go on from")
    parser.add_argument("--json", help="write what was printed to this file")
    arguments = parser.parse_args()
    policies = arguments.policy or ["splitwise", "slo_aware"]
    runs = Runs(arguments)

    def measure(question):
        case, seed = question
        step = CASES[case][3] / 20
        rates = [step * i for i in range(5, 61)]
        out, guess = {}, CASES[case][3]
        for policy in policies:
            knee = highest_rate(rates, lambda rate: runs.run(case, policy, seed, rate)["attained"], guess)
            guess = guess if knee is None else knee
            first = out[policies[0]]["knee"] if out else knee
            out[policy] = {"knee": knee, "at": [runs.run(case, policy, seed, (first or guess) * load) for load in LOADS]}
        return out

    questions = [(case, seed) for case in CASES if not arguments.case or arguments.case in case for seed in range(1, arguments.seeds + 1)]
    print(f"{'case, seed':24}{'policy':>12}{'knee':>7}" + "".join(f"{f'at {load:g} x: within, TTFT P90, P99':>36}" for load in LOADS))
    found = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for (case, seed), out in zip(questions, pool.map(measure, questions)):
            found.append({"case": case, "seed": seed, "policies": out})
            for policy, figures in out.items():
                knee = f"{figures['knee']:.2f}" if figures["knee"] else "none"
                at = "".join(f"{100 * each['within']:>18.2f} % {each['ttft_p90']:>7.2f}s{each['ttft_p99']:>7.2f}s" for each in figures["at"])
                print(f"{f'{case}, {seed}':24}{policy:>12}{knee:>7}{at}", flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=2)


main()
