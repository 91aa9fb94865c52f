#!/usr/bin/env python3
"""What serving reaches of this machine's best, all of it measured in one run: speed claims are ratios of figures taken together.

usage: serve_shares.py [MODEL] [--build build] [--concurrency 1 8 32] [--requests 16 64 128] [--input-len 128] [--output-len 64] [--json]
needs: a build with troupe and matmul_attention_benchmark; nothing beyond Python

In this order: the rate at which memory is read and the peak of float32 multiply-adds (the best of five runs of matmul_attention_benchmark
--peaks); `troupe serve` on a free port and `troupe bench` at each concurrency; the two peaks again. The shares divide by the mean of before
and after. They are of concurrency 1, which has to be among the levels:
  decode    bytes of weights that a step reads / median ITL / read rate; beside it the same by median TPOT, which a client that reads late
            (one gap too long, the next too short) does not flatter. A tied embedding counts once, as the head; an embedding beside a head
            of its own does not count, for a step reads a row of it. KV is left out; a line below the table says what it would add.
  prefill   2 x parameters x prompt tokens / median TTFT / FMA peak. Embedding and head are no part of the parameters (the head runs for one
            row), and attention is left out.
  overhead  TTFT less prompt_computing_ms, the time of the prompt's steps on the device, for each request; the median. TTFT as the server
            sees it (from the request's arrival to its first token) and as the client does (HTTP and the client itself included).
The client runs on the same cores as the server, so the figures are those of both. Exit code: 0, or 1 when anything failed.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 300  # seconds for a server to load its model, or to end
UNSTEADY = 0.05  # a peak that changes by more than this part within the run was not measured on an idle machine
PEAK_RUNS = 5  # a tenth of a second each: the best of them is the peak
WARMUP = 2  # requests of each level that are not measured
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def output_of(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]}: exit code {done.returncode}")
    return done.stdout


def tensors_of(model):
    """{name: (bytes, parameters)}, from the headers of all its safetensors files."""
    found = {}
    for path in sorted(pathlib.Path(model).glob("*.safetensors")):
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        for name, entry in header.items():
            if name != "__metadata__":
                first, end = entry["data_offsets"]
                found[name] = (end - first, math.prod(entry["shape"]))
    if EMBEDDING not in found:
        sys.exit(f"{model}: no safetensors file with {EMBEDDING}; is it the directory of a checkpoint?")
    return found


def work_of(model, check):
    """What a step has to read and to multiply. `check` is what `troupe check --json` says."""
    tensors = tensors_of(model)
    # Some checkpoints store a tied head all the same: what the config says decides.
    tied = HEAD not in tensors or json.loads((pathlib.Path(model) / "config.json").read_text()).get("tie_word_embeddings", False)
    unread = HEAD if tied and HEAD in tensors else None if tied else EMBEDDING
    return {
        "decode_bytes": sum(size for name, (size, _) in tensors.items() if name != unread),
        "prefill_parameters": sum(count for name, (_, count) in tensors.items() if name not in (EMBEDDING, HEAD)),
        "kv_bytes_per_token": check["memory"]["kv_bytes_per_token"],
        "tied_embedding": tied,
    }


class Server:
    def __init__(self, command):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = None
        for line in self.process.stdout:
            if "Listening on " in line:
                self.url = line.split()[2]
                break
        if self.url is None:
            sys.exit(f"the server did not start, exit code {self.process.wait()}\n{self.log_text()}")

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def wait_until_ready(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=PATIENCE):
                    return
            except urllib.error.URLError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    sys.exit(f"the server did not become ready: {error}\n{self.log_text()}")
            time.sleep(0.1)

    def ended_requests(self):
        """The fields of each request_ended line, in the order of their ends. Whole once the server has ended: a client may have its answer
        before the line is written."""
        lines = [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "request_ended"]

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def peaks_of(a):
    runs = [json.loads(output_of([a.build / "matmul_attention_benchmark", "--peaks", a.threads])) for _ in range(PEAK_RUNS)]
    return {**runs[0], **{key: max(run[key] for run in runs) for key in ("read_bytes_per_second", "flops")}}


def bench(a, server, concurrency, requests):
    # A seed of its own for each level, so that none could find its prompts in a cache that an earlier one filled.
    result = json.loads(output_of([a.build / "troupe", "bench", "--url", server.url, "--endpoint", "completions", "--ignore-eos",
                                   "--max-concurrency", concurrency, "--num-prompts", requests, "--warmup", WARMUP,
                                   "--input-len", a.input_len, "--output-len", a.output_len, "--seed", concurrency,
                                   "--metric-percentiles", 99, "--json", "--detailed"]))
    if result["failed"] or result["completed"] != requests:
        sys.exit(f"concurrency {concurrency}: of {requests} requests {result['completed']} were answered and {result['failed']} failed")
    return result


def shares_of(a, work, alone, ended, peaks):
    """Of the level of concurrency 1: `alone` is what bench said, `ended` what the server logged of its measured requests."""
    if len(ended) != len(alone["ttfts"]) or any("prompt_computing_ms" not in line for line in ended):
        sys.exit("the server's request_ended lines do not match the requests of concurrency 1")
    rate = statistics.mean(peak["read_bytes_per_second"] for peak in peaks)
    flops = statistics.mean(peak["flops"] for peak in peaks)
    decode = work["decode_bytes"] / (alone["median_itl_ms"] / 1e3)
    decode_by_tpot = work["decode_bytes"] / (alone["median_tpot_ms"] / 1e3)
    tokens = a.input_len / (alone["median_ttft_ms"] / 1e3)
    prefill = 2 * work["prefill_parameters"] * tokens
    seconds = statistics.median(line["prompt_computing_ms"] for line in ended) / 1e3
    return {
        "read_bytes_per_second": rate,
        "flops": flops,
        "decode_bytes_per_second": decode,
        "decode_share": decode / rate,
        "decode_share_by_tpot": decode_by_tpot / rate,
        "kv_part": work["kv_bytes_per_token"] * (a.input_len + a.output_len / 2) / work["decode_bytes"],
        "prefill_tokens_per_second": tokens,
        "prefill_flops": prefill,
        "prefill_share": prefill / flops,
        "device_prefill_share": 2 * work["prefill_parameters"] * a.input_len / seconds / flops,
        "prompt_computing_ms": seconds * 1e3,
        # One after the other, so the client's requests and the server's lines come in one order. bench gives seconds.
        "overhead_server_ms": statistics.median(line["ttft_ms"] - line["prompt_computing_ms"] for line in ended),
        "overhead_client_ms": statistics.median(ttft * 1e3 - line["prompt_computing_ms"] for ttft, line in zip(alone["ttfts"], ended)),
    }


def print_table(a, report):
    machine, shares, work = report["peaks"][0], report["shares"], report["work"]
    print(f"{report['model']}, prompts of {a.input_len} and answers of {a.output_len} tokens; {machine['isa']}, {machine['threads']} threads; "
          f"the client shares the {os.cpu_count()} cores; load average at the start {report['load_average']:.2f}\n")
    print("| concurrency | requests | output tok/s | TTFT p50 | TTFT p99 | ITL p50 | ITL p99 |")
    print("|---|---|---|---|---|---|---|")
    for level in report["levels"]:
        print(f"| {level['concurrency']} | {level['requests']} | {level['output_tokens_per_second']:.1f} | " +
              " | ".join(f"{level[key]:.1f} ms" for key in ("ttft_p50_ms", "ttft_p99_ms", "itl_p50_ms", "itl_p99_ms")) + " |")
    before, after = report["peaks"]
    print("\n| of this machine | before | after | mean | reached at concurrency 1 | share |\n|---|---|---|---|---|---|")
    print(f"| memory read, GB/s | {before['read_bytes_per_second'] / 1e9:.1f} | {after['read_bytes_per_second'] / 1e9:.1f} | "
          f"{shares['read_bytes_per_second'] / 1e9:.1f} | decode {shares['decode_bytes_per_second'] / 1e9:.1f} | "
          f"{100 * shares['decode_share']:.0f} % |")
    print(f"| multiply-adds, GFLOP/s | {before['flops'] / 1e9:.0f} | {after['flops'] / 1e9:.0f} | {shares['flops'] / 1e9:.0f} | "
          f"prefill {shares['prefill_flops'] / 1e9:.0f} | {100 * shares['prefill_share']:.0f} % |\n")
    counted = "a tied embedding counted once, as the head" if work["tied_embedding"] else "the head counted, the embedding not"
    print(f"decode: {work['decode_bytes'] / 1e6:.1f} MB of weights a step ({counted}) / median ITL; "
          f"KV, left out, would add {100 * shares['kv_part']:.1f} %; by median TPOT {100 * shares['decode_share_by_tpot']:.0f} %")
    print(f"prefill: {shares['prefill_tokens_per_second']:.0f} tokens/s = prompt / median TTFT, 2 x {work['prefill_parameters'] / 1e6:.1f} M "
          f"parameters a token (no embedding, no head); attention left out; of the device's time alone "
          f"{100 * shares['device_prefill_share']:.0f} %")
    print(f"overhead of a request: {shares['overhead_server_ms']:.2f} ms within the server, {shares['overhead_client_ms']:.2f} ms as the client "
          f"sees it, beside {shares['prompt_computing_ms']:.1f} ms of device time for the prompt")
    for warning in report["warnings"]:
        print(f"WARNING: {warning}")


def warnings_of(before, after, shares):
    for key, name in (("read_bytes_per_second", "read rate"), ("flops", "FMA peak")):
        change = after[key] / before[key] - 1
        if abs(change) > UNSTEADY:
            yield f"the {name} changed by {100 * change:+.0f} % within the run: the machine was not idle, and the shares are rough"
    for name in ("decode_share", "prefill_share"):
        if shares[name] > 1:
            yield f"{name} is above 100 %: what it divides by was measured while something else ran"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default=str(ROOT / "models" / "smollm2-135m-instruct"))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="the folder of both programs")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--requests", type=int, nargs="+", default=[16, 64, 128], help="one number for each concurrency")
    parser.add_argument("--input-len", type=int, default=128)
    parser.add_argument("--output-len", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of the server's device, and of the peaks")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    if len(a.requests) != len(a.concurrency) or 1 not in a.concurrency:
        parser.error("--requests takes one number for each --concurrency, and 1 has to be among these")
    if a.output_len < 2:
        parser.error("--output-len: at least 2, or there is no ITL")

    a.build = a.build.resolve()
    for program in ("troupe", "matmul_attention_benchmark"):
        if not (a.build / program).is_file():
            parser.error(f"{a.build / program}: there is no such program; build it, or say where it is with --build")

    load_average = os.getloadavg()[0]
    work = work_of(a.model, json.loads(output_of([a.build / "troupe", "check", "--json", a.model])))
    peaks = [peaks_of(a)]
    server = Server([str(a.build / "troupe"), "serve", a.model, "--port", "0", "--device-threads", str(a.threads),
                     "--log-level", "info", "--log-format", "json"])
    levels = []
    try:
        server.wait_until_ready()
        for concurrency, requests in zip(a.concurrency, a.requests):
            result = bench(a, server, concurrency, requests)
            levels.append({"concurrency": concurrency, "requests": requests, "output_tokens_per_second": result["output_throughput"],
                           "ttft_p50_ms": result["median_ttft_ms"], "ttft_p99_ms": result["p99_ttft_ms"],
                           "itl_p50_ms": result["median_itl_ms"], "itl_p99_ms": result["p99_itl_ms"]})
            if concurrency == 1:
                alone, first = result, sum(level["requests"] + WARMUP for level in levels[:-1]) + WARMUP
    finally:
        code = server.stop()
    if code != 0:
        sys.exit(f"the server ended with exit code {code}\n{server.log_text()}")
    peaks.append(peaks_of(a))
    ended = server.ended_requests()[first:first + len(alone["ttfts"])]

    shares = shares_of(a, work, alone, ended, peaks)
    report = {"model": pathlib.Path(a.model).name, "date": time.strftime("%Y-%m-%d"), "input_len": a.input_len, "output_len": a.output_len,
              "load_average": load_average, "work": work, "peaks": peaks, "levels": levels,
              "shares": shares, "warnings": list(warnings_of(*peaks, shares))}
    if a.json:
        print(json.dumps(report, indent=2))
    else:
        print_table(a, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
