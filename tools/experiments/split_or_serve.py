#!/usr/bin/env python3
"""What splitting prompts from tokens costs and gives, beside one process with as many cores.

usage: split_or_serve.py [--model tools/demo_model/checkpoint] [--cores 2] [--concurrency 1 8 32] [--requests 16 64 128] [--input-len 128]
                         [--output-len 64] [--setups split mixed serve] [--long-prompt 1500] [--intruding 20] [--json]
needs: a build, and a model whose context holds --long-prompt; nothing beyond Python

Three setups, one after the other, each with --cores threads in all (half for each machine):
  split   a prompt machine and a token machine: the KV of every request travels
  mixed   two mixed machines: every request stays where its prompt ran
  serve   `troupe serve` with all threads on one machine
At each concurrency `troupe bench` sends --requests prompts of --input-len random tokens for --output-len tokens each. Then what splitting is
for: --decoding streams generate while, every --every seconds, a prompt of --long-prompt tokens comes for one token; the time between two
tokens (TBT) of those streams is compared with the same streams undisturbed. The client runs on the same cores.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

from cluster import PATIENCE, ROOT, Cluster, Process, Server, Stream, percentile

MACHINES = {"split": (("p0", "prompt"), ("t0", "token")), "mixed": (("m0", "mixed"), ("m1", "mixed"))}
SETUPS = ("split", "mixed", "serve")
COLUMNS = (("median_ttft_ms", "TTFT p50"), ("p99_ttft_ms", "p99"), ("median_itl_ms", "TBT p50"), ("p99_itl_ms", "p99"),
           ("output_throughput", "tokens/s"), ("request_throughput", "requests/s"))


class OneProcess(Server):
    def __init__(self, a, folder):
        self.node = Process("serve", [a.troupe, "serve", a.model, "--port", "0", "--set", f"device.threads={a.cores}",
                                      "--set", f"device.kv_memory={a.kv_memory}"], folder)

    def start(self, _):
        self.url = self.node.wait_for("Listening on ").split()[2]
        self.find_model()

    def end(self):
        self.node.end()


def bench(a, url, concurrency, requests):
    command = [a.troupe, "bench", "--url", url, "--num-prompts", requests, "--concurrency", concurrency, "--input-len", a.input_len,
               "--output-len", a.output_len, "--ignore-eos", "--vocab-size", a.vocab_size, "--warmup", 2, "--metric-percentiles", "99", "--json"]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"troupe bench: exit code {done.returncode}\n{done.stderr}")
    found = json.loads(done.stdout)
    if found["failed"]:
        sys.exit(f"troupe bench: {found['failed']} requests failed")
    return {key: found[key] for key, _ in COLUMNS}


def decoding(a, server, draw, seconds, intruders):
    """TBT in ms of --decoding streams, and TTFT in ms of the prompts that came meanwhile."""
    def prompt(length):
        return [draw.randrange(3, a.vocab_size) for _ in range(length)]

    long_ones = [prompt(a.long_prompt) for _ in range(int(seconds / a.every) + 1)] if intruders else []
    over = threading.Event()
    times, faults, arrived = [], [], []

    def keep_decoding(lane):
        number = 0
        while not over.is_set():
            stream = Stream(server, {"prompt": prompt(16), "max_tokens": a.stream_tokens, "temperature": 0}, f"decode-{lane}-{number}")
            stream.join()
            _, _, error = stream.result()
            if error:
                faults.append(error)
            times.append((stream.began, stream.times))
            number += 1

    lanes = [threading.Thread(target=keep_decoding, args=(lane,), daemon=True) for lane in range(a.decoding)]
    for lane in lanes:
        lane.start()
    time.sleep(1)
    begin = time.monotonic()
    for i, each in enumerate(long_ones):
        time.sleep(max(0, begin + i * a.every - time.monotonic()))
        arrived.append(Stream(server, {"prompt": each, "max_tokens": 1, "temperature": 0}, f"long-{i}"))
    time.sleep(max(0, begin + seconds - time.monotonic()))
    end = time.monotonic()
    over.set()
    for lane in lanes:
        lane.join(PATIENCE)
    for stream in arrived:
        stream.join(PATIENCE)
        _, _, error = stream.result()
        if error:
            faults.append(error)
    if faults:
        sys.exit(f"{len(faults)} streams failed, the first: {faults[0]}")
    gaps = [1e3 * (b - a) for _, one in times for a, b in zip(one, one[1:]) if begin <= b <= end]
    tokens = sum(begin <= t <= end for _, one in times for t in one)
    return {"tbt_p50_ms": percentile(gaps, 0.5), "tbt_p99_ms": percentile(gaps, 0.99), "tbt_max_ms": max(gaps), "tokens_per_s": tokens / (end - begin),
            "long_ttft_p50_ms": percentile([1e3 * (s.times[0] - s.began) for s in arrived], 0.5)}


def measure(a, setup, folder):
    draw = random.Random(a.seed)
    a.threads = max(1, a.cores // 2)
    server = OneProcess(a, folder) if setup == "serve" else Cluster(a, folder, random.Random(), MACHINES[setup], threads=a.threads)
    try:
        server.start(PATIENCE)
        levels = {level: bench(a, server.url, level, count) for level, count in zip(a.concurrency, a.requests)}
        alone = decoding(a, server, draw, a.intruding, False)
        return {"levels": levels, "undisturbed": alone, "disturbed": decoding(a, server, draw, a.intruding, True)}
    finally:
        server.end()


def print_tables(a, found):
    print(f"prompts of {a.input_len} tokens, {a.output_len} generated; {a.cores} threads in all; times in ms")
    print(f"{'setup':<8}{'at once':>8}" + "".join(f"{title:>12}" for _, title in COLUMNS))
    for level in a.concurrency:
        for setup, one in found.items():
            print(f"{setup:<8}{level:>8}" + "".join(f"{one['levels'][level][key]:>12.2f}" for key, _ in COLUMNS))
    print(f"\n{a.decoding} streams decode; undisturbed, and while prompts of {a.long_prompt} tokens come every {a.every:g} s")
    print(f"{'setup':<8}{'':<13}{'TBT p50':>10}{'p99':>10}{'max':>10}{'tokens/s':>10}{'long TTFT p50':>15}")
    for setup, one in found.items():
        for what in ("undisturbed", "disturbed"):
            row = one[what]
            last = "-" if row["long_ttft_p50_ms"] is None else f"{row['long_ttft_p50_ms']:.0f}"
            print(f"{setup:<8}{what:<13}{row['tbt_p50_ms']:>10.2f}{row['tbt_p99_ms']:>10.2f}{row['tbt_max_ms']:>10.1f}"
                  f"{row['tokens_per_s']:>10.0f}{last:>15}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--cores", type=int, default=2, help="threads of all machines together")
    parser.add_argument("--setups", nargs="+", choices=SETUPS, default=SETUPS)
    parser.add_argument("--transport", choices=("auto", "shared_memory", "tcp"), default="auto")
    parser.add_argument("--concurrency", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--requests", nargs="+", type=int, default=[16, 64, 128], help="at each concurrency")
    parser.add_argument("--input-len", type=int, default=128)
    parser.add_argument("--output-len", type=int, default=64)
    parser.add_argument("--vocab-size", type=int, help="prompts are token ids below this; default: the model's")
    parser.add_argument("--decoding", type=int, default=4, help="streams that generate while long prompts come")
    parser.add_argument("--stream-tokens", type=int, default=200, help="of each of those")
    parser.add_argument("--long-prompt", type=int, default=1500, help="tokens")
    parser.add_argument("--every", type=float, default=1, help="seconds between two long prompts")
    parser.add_argument("--intruding", type=float, default=20, help="seconds with, and as many without them")
    parser.add_argument("--kv-memory", default="256MiB", help="of each machine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    if len(a.concurrency) != len(a.requests):
        parser.error("--requests wants one number for each --concurrency")
    if a.vocab_size is None:
        a.vocab_size = json.loads((pathlib.Path(a.model) / "config.json").read_text())["vocab_size"]
    found = {}
    with tempfile.TemporaryDirectory(prefix="troupe-split-") as folder:
        for setup in a.setups:
            print(f"{setup} ...", file=sys.stderr, flush=True)
            found[setup] = measure(a, setup, folder)
    if a.json:
        print(json.dumps({"arguments": vars(a), "found": found}, indent=1))
    else:
        print_tables(a, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
