#!/usr/bin/env python3
"""What a KV transfer costs a request: its second token and its end, with a transfer and without.

usage: transfer_cost.py [--model tools/demo_model/checkpoint] [--lengths 128 512 1500] [--requests 12] [--tokens 32] [--transport auto] [--json]
needs: a build, and a model whose context holds the longest prompt and --tokens; nothing beyond Python

Three clusters of one front and two machines with a thread each, side by side, asked in turn, one request at a time:
  none    two mixed machines: both phases of a request on one of them, nothing travels
  layers  a prompt and a token machine: KV travels layer group by layer group while the prompt computes
  once    the same, in one go when the prompt has run (link.layer_groups: 1)
Prints for each length and cluster the medians of TTFT, of the gap between the first and the second token, of the later gaps, and of the whole;
the second gap and the whole as a ratio to `none`; and of the transfers, as `troupe request` has them, how much was sent before the prompt had
run (hidden) and how long after the first token the rest was there (tail). Splitwise (ISCA 2024, section 6.A) has for its second token +16.5 %
layer by layer and +64 % in one go, and for the whole 0.8 %.
"""
import argparse
import json
import pathlib
import random
import statistics
import sys
import tempfile

from cluster import PATIENCE, ROOT, Cluster, Stream

SETUPS = {"none": ((("m0", "mixed"), ("m1", "mixed")), ""),
          "layers": ((("p0", "prompt"), ("t0", "token")), ""),
          "once": ((("p0", "prompt"), ("t0", "token")), ", layer_groups: 1")}


def ask(cluster, call, name):
    stream = Stream(cluster, call, name)
    stream.join(PATIENCE * 4)
    ids, _, error = stream.result()
    if error is not None:
        sys.exit(f"{name}: {error}")
    gaps = [1e3 * (b - a) for a, b in zip(stream.times, stream.times[1:])]
    return ids, {"ttft_ms": 1e3 * (stream.times[0] - stream.began), "second_ms": gaps[0], "later_ms": statistics.median(gaps[1:]),
                 "whole_ms": 1e3 * (stream.times[-1] - stream.began)}


def transfer(cluster, name):
    """The one transfer of a request, as the cluster tells it; None where nothing travelled."""
    told = cluster.get(f"/troupe/requests/{name}?format=json")
    found = [each for request in told for each in request.get("transfers", [])]
    return found[0] if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 1500], help="tokens of the prompts")
    parser.add_argument("--requests", type=int, default=12, help="of each length and cluster")
    parser.add_argument("--tokens", type=int, default=32, help="of each answer")
    parser.add_argument("--vocab", type=int, default=4000, help="prompts are random token ids below")
    parser.add_argument("--transport", choices=("auto", "shared_memory", "tcp"), default="auto")
    parser.add_argument("--kv-memory", default="256MiB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="troupe-transfer-") as folder:
        clusters = {}
        try:
            for setup, (machines, link) in SETUPS.items():
                place = pathlib.Path(folder) / setup
                place.mkdir()
                clusters[setup] = Cluster(a, place, random.Random(), machines=machines, link=link)
                clusters[setup].start(PATIENCE)
            for length in a.lengths:
                draw = random.Random(f"{a.seed} {length}")
                seen = {setup: {"times": [], "transfers": []} for setup in SETUPS}
                for number in range(a.requests + 1):
                    call = {"prompt": [draw.randrange(10, a.vocab) for _ in range(length)], "max_tokens": a.tokens, "temperature": 0}
                    answers = set()
                    for setup, cluster in clusters.items():
                        name = f"{setup}-{length}-{number}"
                        ids, times = ask(cluster, call, name)
                        answers.add(tuple(ids))
                        if number == 0:
                            continue  # warms up
                        seen[setup]["times"].append(times)
                        seen[setup]["transfers"].append(transfer(cluster, name))
                    if len(answers) != 1:
                        sys.exit(f"{length} tokens, request {number}: the clusters' answers differ")
                for setup, found in seen.items():
                    row = {"prompt_tokens": length, "setup": setup}
                    row |= {key: statistics.median(times[key] for times in found["times"]) for key in found["times"][0]}
                    row["transfers"] = [each for each in found["transfers"] if each]
                    rows.append(row)
        finally:
            for cluster in clusters.values():
                cluster.end()
    if a.json:
        print(json.dumps(rows, indent=1))
        return 0
    for length in a.lengths:
        these = {row["setup"]: row for row in rows if row["prompt_tokens"] == length}
        base = these["none"]
        for setup, row in these.items():
            line = (f"{length:5} tokens, {setup:6}: TTFT {row['ttft_ms']:7.1f} ms, second token {row['second_ms']:6.1f} ms "
                    f"(x{row['second_ms'] / base['second_ms']:.2f}), later {row['later_ms']:6.1f} ms, whole {row['whole_ms']:8.1f} ms "
                    f"(x{row['whole_ms'] / base['whole_ms']:.3f})")
            if row["transfers"]:
                line += f"; {transfers_line(row)}"
            print(line)
        if all(row["transfers"] for row in (these["layers"], these["once"])):
            print(f"{length:5} tokens: of the transfer {1 - tail_ms(these['layers']) / tail_ms(these['once']):.0%} hidden behind the prompt")
    return 0


def tail_ms(row):
    return statistics.median(each["exposed_tail_us"] / 1e3 for each in row["transfers"] if each["exposed_tail_us"] is not None)


def transfers_line(row):
    first = row["transfers"][0]
    return f"{first['bytes'] / 1e6:.2f} MB in {first['groups']} groups, there {tail_ms(row):.2f} ms after the first token"


if __name__ == "__main__":
    sys.exit(main())
