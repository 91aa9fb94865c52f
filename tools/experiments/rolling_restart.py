#!/usr/bin/env python3
"""Restart every node in turn under steady load and see whether a client loses a request.

usage: rolling_restart.py [--config FILE] [--rounds 1] [--clients 6] [--fronts 1] [--routers] [--nodes NAME ...] [--json]
needs: a build, and a model whose context holds 200 + --tokens; nothing beyond Python

Without --config: a cluster on free ports with --fronts nodes that serve HTTP (the first routes; with --routers all do), two prompt and two
token machines. Each node in turn gets SIGTERM, is waited for, and is started again by hand, as one does for an upgrade; the next one's turn
comes when all nodes are connected again. Nodes with HTTP have their turn only where there are several: clients have no other address else.
Clients know all addresses and try the next one, as the openai package does, where no answer was begun: the connection refused or dropped, or
503 from a node that drains; what else goes wrong counts. Every stream has to
end by length with the tokens of an undisturbed run. Exit code: 0, or 1 when a request was lost or a node ended badly.
"""
import argparse
import collections
import json
import random
import signal
import sys
import tempfile
import threading
import time

from cluster import PATIENCE, ROOT, Cluster, Stream, ask_all, difference, make_calls, percentile, show


class AnyGateway:
    """The addresses of a cluster, one after another: a stream takes the first that does not turn it away."""

    def __init__(self, cluster, first):
        self.urls = list(cluster.gateways.values())
        self.model, self.at, self.refused = cluster.model, first % len(self.urls), 0

    @property
    def url(self):
        return self.urls[self.at]

    def next(self):
        self.at = (self.at + 1) % len(self.urls)
        self.refused += 1


def turned_away(stream):
    """Whether nothing was begun."""
    ways = ("ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected", "HTTP 503")
    return stream.error and not stream.lines and any(way in stream.error for way in ways)


def keep_asking(a, cluster, calls, right, lane, over, done):
    server = AnyGateway(cluster, lane)
    number = 0
    while not over.is_set():
        which = (lane + a.clients * number) % len(calls)
        begin, refused = time.monotonic(), 0
        while True:
            stream = Stream(server, calls[which], f"rolling-{lane}-{number}-{refused}")
            stream.join(PATIENCE)
            if turned_away(stream) and time.monotonic() - begin < PATIENCE:
                refused += 1
                server.next()
                if refused % len(server.urls) == 0:
                    time.sleep(0.05)  # nobody was there: one that comes up is looked for, not waited for
                continue
            break
        ids, text, error = stream.result() if stream.ended else ([], "", f"no end after {PATIENCE} s")
        wrong = error or (None if (ids, text) == right[which] else f"(lost, repeated, changed) {difference(right[which][0], ids)}")
        points = [begin] + stream.times
        done.append({"wrong": wrong, "refused": refused, "url": server.url, "end": time.monotonic(),
                     "gap": max((b - a for a, b in zip(points, points[1:])), default=0)})
        number += 1


def restart(a, cluster, name, say):
    node = cluster.nodes[name]
    begin = time.monotonic()
    code = node.end(signal.SIGTERM)
    ended = time.monotonic() - begin
    node.start()
    node.wait_for("is up")
    state = cluster.settled(a.settle, busy=True)
    say(f"{name}: ended after {ended:.2f} s with {code}, connected again {time.monotonic() - begin - ended:.2f} s after its start")
    faults = [] if code == 0 else [f"{name} ended with exit code {code}"]
    return faults + ([] if state is None else [f"{name} did not come back within {a.settle:g} s:\n{state}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--config", help="a cluster's file, whose ports have to be free; its model counts, not --model")
    parser.add_argument("--fronts", type=int, default=1, help="nodes that serve HTTP, without --config")
    parser.add_argument("--routers", action="store_true", help="every one of them may route")
    parser.add_argument("--nodes", nargs="+", help="whose turn it is; default: all, those with HTTP only where there are several")
    parser.add_argument("--rounds", type=int, default=1, help="how often every node is restarted")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--tokens", type=int, default=300, help="of each stream")
    parser.add_argument("--long-prompt", type=int, default=600, help="tokens")
    parser.add_argument("--calls", type=int, default=12, help="different short calls, and as many long ones")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between one node and the next")
    parser.add_argument("--settle", type=float, default=20, help="seconds until all are connected again")
    parser.add_argument("--transport", choices=("auto", "shared_memory", "tcp"), default="auto")
    parser.add_argument("--kv-memory", default="32MiB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()

    def say(text):
        print(text, file=sys.stderr if a.json else sys.stdout, flush=True)

    done, faults, restarts = [], [], 0
    with tempfile.TemporaryDirectory(prefix="troupe-rolling-") as folder:
        fronts = tuple(f"front{i}" for i in range(a.fronts))
        cluster = Cluster.of_file(a, folder) if a.config else Cluster(a, folder, random.Random(), fronts=fronts, routers=a.routers)
        try:
            cluster.start(PATIENCE)
            calls = [call for some in make_calls(cluster, a).values() for call in some]
            right, _ = ask_all(cluster, calls, a.clients, "undisturbed")
            names = a.nodes or [name for name in cluster.nodes if len(cluster.gateways) > 1 or name not in cluster.gateways]
            over = threading.Event()
            lanes = [threading.Thread(target=keep_asking, args=(a, cluster, calls, right, lane, over, done), daemon=True)
                     for lane in range(a.clients)]
            begin = time.monotonic()
            for lane in lanes:
                lane.start()
            time.sleep(a.pause)
            for _ in range(a.rounds):
                for name in names:
                    faults += restart(a, cluster, name, say)
                    restarts += 1
                    time.sleep(a.pause)
            over.set()
            for lane in lanes:
                lane.join(PATIENCE)
            took = time.monotonic() - begin
            state = cluster.settled(a.settle)
            if state is not None:
                faults.append(f"not all is free and connected at the end:\n{state}")
            faults += [f"a node ended by itself: {each}" for each in cluster.ended_by_themselves()]
        finally:
            cluster.end()
    wrong = collections.Counter(each["wrong"] for each in done if each["wrong"])
    gaps = [1e3 * each["gap"] for each in done]
    row = {"restarts": restarts, "nodes": names, "seconds": round(took, 1), "requests": len(done), "lost": sum(wrong.values()),
           "turned_away": sum(each["refused"] for each in done), "gap_p50_ms": percentile(gaps, 0.5), "gap_p99_ms": percentile(gaps, 0.99),
           "gap_max_ms": max(gaps, default=None), "why": dict(wrong), "faults": faults}
    if a.json:
        print(json.dumps(row, indent=1))
    else:
        print(f"{restarts} restarts of {', '.join(names)} in {took:.0f} s: {len(done)} requests of {a.clients} clients, {row['lost']} lost, "
              f"{row['turned_away']} times turned away and tried elsewhere; longest gap of a request: p50 {show(row['gap_p50_ms'])}, "
              f"p99 {show(row['gap_p99_ms'])}, max {show(row['gap_max_ms'])} ms")
        for why, count in wrong.most_common():
            print(f"LOST {count}: {why}")
        for fault in faults:
            print(f"FAULT: {fault}")
    return 1 if wrong or faults else 0


if __name__ == "__main__":
    sys.exit(main())
