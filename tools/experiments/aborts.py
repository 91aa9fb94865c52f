#!/usr/bin/env python3
"""Abort many calls at random points and see whether the server gets everything back: blocks, file descriptors, memory.

usage: aborts.py [--troupe build/troupe] [--model tools/demo_model/checkpoint] [--aborts 1000] [-- MORE SERVE FLAGS]
needs: a build; nothing beyond Python

Starts a server with a small KV budget on a free port and warms it up with whole calls, until they need no more memory than the last did.
Then clients hang up: while they send the head or the body, before the first token, within a stream, while they wait for a whole answer;
with one choice or two, by FIN or by RST, several at once. The points are drawn from --seed, so that a run can be had again (but for what
the threads' timing changes). When nothing runs or waits and the server has had --settle seconds for its upkeep, it is compared with itself
before: one row for each count of --aborts, which add up ("1000 5000": 1,000, then 4,000 more). Exit code: 0 when in every row all blocks
are free, no fd is more, and memory is within --tolerance; 1 otherwise, or when the server ended.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 60  # seconds for anything to come
POINTS = ("head", "body", "first token", "stream", "whole answer")
LONGEST_WAIT = {"first token": 0.02, "whole answer": 0.2}  # seconds until the client hangs up
KEPT_REQUESTS = 4096  # Recorder::kRequests, and trace.ring_size / 16
MOST_TOKENS = 150  # so that the answers of all clients do not fit the KV budget at once: preemptions are part of it
WORDS = "It is a truth universally acknowledged that a single man in possession of good fortune must want a wife".split()


class Server:
    def __init__(self, a):
        command = [a.troupe, "serve", a.model, "--port", "0", "--kv-memory", a.kv_memory,
                   "--max-batch-tokens", a.max_batch_tokens, "--log-level", "error", *a.flags]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if "Listening on " in line:
                self.url = line.split()[2]
                self.port = int(self.url.rsplit(":", 1)[1])
                return
        sys.exit(f"{a.troupe}: the server did not start, exit code {self.process.wait()}\n{self.log_text()}")

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return json.load(answer)

    def quiet(self):
        """Waits until nothing runs or waits. What is not free then is lost, so this does not wait for blocks for ever."""
        end = time.monotonic() + PATIENCE
        while True:
            machines = self.get("/troupe/status")["machines"]
            busy = any(m["running"] or m["waiting"] or m["blocks"]["held"] for m in machines)
            if not busy or time.monotonic() > end:
                return
            time.sleep(0.05)

    def figures(self):
        """(resident kB, fds, free blocks, blocks)"""
        blocks = [m["blocks"] for m in self.get("/troupe/status")["machines"]]
        time.sleep(0.2)  # for the connection of that very question to close
        with open(f"/proc/{self.process.pid}/status") as lines:
            resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
        fds = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        return resident, fds, sum(b["free"] for b in blocks), sum(b["total"] for b in blocks)

    def stop(self):
        self.process.terminate()
        return self.process.wait()


def call_bytes(server, model, draw, stream, words=100, tokens=MOST_TOKENS, n=None):
    prompt = " ".join(draw.choices(WORDS, k=draw.randint(1, words)))
    body = json.dumps({"model": model, "prompt": prompt, "max_tokens": tokens, "n": n or draw.choice((1, 2)), "stream": stream,
                       "ignore_eos": True, "seed": draw.randint(0, 1 << 30)}).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode(), body


def read_until(connection, enough):
    """Reads until `enough` says that the bytes so far will do. Returns whether they did before the server closed."""
    data = b""
    while not enough(data):
        piece = connection.recv(65536)
        if not piece:
            return False
        data += piece
    return True


def abort(server, model, draw, point):
    """One call that its client gives up. Returns the point, or what came instead of it."""
    head, body = call_bytes(server, model, draw, point in ("first token", "stream"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        if draw.random() < 0.5:  # close() then sends RST
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if point == "head":
            connection.sendall(head[:draw.randrange(len(head))])
            return point
        if point == "body":
            connection.sendall(head + body[:draw.randrange(len(body))])
            return point
        connection.sendall(head + body)
        if point == "stream":
            events = draw.randint(1, 40)
            if not read_until(connection, lambda data: data.count(b"data: ") >= events or b"[DONE]" in data):
                return "stream that the server closed"
            return point
        time.sleep(draw.uniform(0, LONGEST_WAIT[point]))
        return point


def whole_call(server, model, draw, **size):
    head, body = call_bytes(server, model, draw, True, **size)
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head + body)
        if not read_until(connection, lambda data: b"[DONE]" in data):
            sys.exit("A whole call of the warm-up was not answered to its end.")


def at_once(clients, jobs, work):
    """Calls work(job) for each of them on so many threads. Returns how often each result came."""
    left, counts, lock, failures = iter(jobs), collections.Counter(), threading.Lock(), []

    def client():
        try:
            while not failures:
                with lock:
                    job = next(left, None)
                if job is None:
                    return
                result = work(job)
                with lock:
                    counts[result] += 1
        except (OSError, SystemExit) as error:
            failures.append(error)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if failures:
        sys.exit(f"a client failed: {failures[0]!r}")
    return counts


def warm_up(server, model, a):
    """Whole calls, as many at once as there will be aborts, round by round, after short ones that fill what the server keeps of the last
    requests: 4096 names, and as many notes of the recording."""
    at_once(a.clients, [random.Random(f"fill {i}") for i in range(KEPT_REQUESTS // 8 + 100)],
            lambda draw: whole_call(server, model, draw, words=1, tokens=1, n=8))
    most = 0
    for round_number in range(20):
        jobs = [random.Random(f"warm {round_number} {i}") for i in range(4 * a.clients)]
        at_once(a.clients, jobs, lambda draw: whole_call(server, model, draw))
        server.quiet()
        time.sleep(a.settle)
        resident = server.figures()[0]
        if resident <= most * 1.005:
            return
        most = max(most, resident)


def row(label, figures, start):
    resident, fds, free, total = figures
    change = f"{100 * (resident / start[0] - 1):+.1f} %" if start else ""
    print(f"{label:>14} {resident / 1024:8.1f} MiB {change:>8} {fds:5} {free:6} of {total}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--aborts", type=int, nargs="+", default=[1000])
    parser.add_argument("--clients", type=int, default=8, help="aborts at once")
    parser.add_argument("--kv-memory", default="8MiB")
    parser.add_argument("--max-batch-tokens", default="256", help="few, so that the warm-up sees the largest step, which keeps its memory")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settle", type=float, default=3, help="seconds that an idle server gets before its memory is read")
    parser.add_argument("--tolerance", type=float, default=5, help="percent by which memory may grow")
    parser.add_argument("flags", nargs="*", help="flags for `troupe serve`, after --")
    a = parser.parse_args()

    server = Server(a)
    faults, points = [], collections.Counter()
    try:
        model = server.get("/v1/models")["data"][0]["id"]
        print(f"{'aborts':>14} {'resident':>12} {'change':>8} {'fds':>5} {'blocks free':>11}")
        row("0, cold", server.figures(), None)
        warm_up(server, model, a)
        start = server.figures()
        row("0, warmed up", start, None)
        done = 0
        for count in a.aborts:
            def one(number):
                draw = random.Random(f"{a.seed} {number}")
                return abort(server, model, draw, draw.choice(POINTS))
            points += at_once(a.clients, range(done, count), one)
            done = max(done, count)
            server.quiet()
            time.sleep(a.settle)
            now = server.figures()
            row(str(count), now, start)
            if now[2] != now[3]:
                faults.append(f"after {count} aborts {now[3] - now[2]} blocks are not free")
            if now[1] > start[1]:
                faults.append(f"after {count} aborts {now[1] - start[1]} fds are more")
            if now[0] > start[0] * (1 + a.tolerance / 100):
                faults.append(f"after {count} aborts memory has grown by more than {a.tolerance:g} %")
    finally:
        code = server.stop()
    if code != 0:
        faults.append(f"the server ended with exit code {code}")
    print("given up in: " + ", ".join(f"{point} {count}" for point, count in sorted(points.items())))
    for fault in faults:
        print(f"FAULT: {fault}")
    if faults:
        print(f"what the server said:\n{server.log_text()}", end="")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
