#!/usr/bin/env python3
"""Kill nodes again and again while streams run without a pause, and see how long a stream pauses and whether a client can tell.

usage: keep_killing.py [--kills 100] [--roles token prompt] [--streams 8] [--tokens 200] [--machines NAME:ROLE ...] [--json]
needs: a build, and a model whose context holds --long-prompt + --tokens; nothing beyond Python

The cluster of kills.py is started once, after `troupe serve` was asked the same. --streams clients ask one call after the other, short and
long ones in turn. Meanwhile, of a role of --roles in turn, a random node is killed (kill -9) at a random moment, started again at once, and the next
kill waits until it is connected again: some seconds a kill, most of which is the node's loading. Every stream has to end by length with
the right tokens; at the end all blocks have to be free. A gap is the longest time without a token of a stream that moved, from the kill on
that moved it (or the stream's start) to the next kill. kills.py aims each kill and looks after each round; this one only counts. Exit code: 0, or 1 when
a stream was wrong, a block kept, or a node ended by itself.
"""
import argparse
import json
import random
import sys
import tempfile
import threading
import time

from cluster import MACHINES, PATIENCE, ROOT, Cluster, OneProcess, Stream, ask_all, difference, make_calls, percentile, show


class Load:
    """Clients that ask without a pause; what became of each stream."""

    def __init__(self, a, cluster, calls, right):
        self.a, self.cluster, self.calls, self.right = a, cluster, calls, right
        self.over, self.done, self.wrong = threading.Event(), [], []
        self.lanes = [threading.Thread(target=self.keep_asking, args=(lane,), daemon=True) for lane in range(a.streams)]
        for lane in self.lanes:
            lane.start()

    def keep_asking(self, lane):
        number = 0
        while not self.over.is_set():
            which = (lane + self.a.streams * number) % len(self.calls)
            stream = Stream(self.cluster, self.calls[which], f"killing-{lane}-{number}")
            stream.join(PATIENCE)
            ids, text, error = stream.result() if stream.ended else ([], "", f"no end after {PATIENCE} s")
            if error or (ids, text) != self.right[which]:
                self.wrong.append(f"{stream.name_of_request}: {error or difference(self.right[which][0], ids)}")
            self.done.append((stream, self.decisions(stream)))
            number += 1

    def decisions(self, stream):
        """How often the router chose machines for it."""
        try:
            told = self.cluster.get(f"/troupe/requests/{stream.name_of_request}?format=json")
        except OSError:
            return 0  # the recorder has forgotten it
        return sum(message["name"] == "RouteDecided" for message in told[0]["messages"])

    def end(self):
        self.over.set()
        for lane in self.lanes:
            lane.join(PATIENCE)


def gaps_of(done, kills):
    """{role: longest gaps in ms of the streams that the kills of that role moved}."""
    found = {}
    for stream, decisions in done:
        if decisions < 2 or not stream.times:
            continue
        best = None
        for place, (at, role) in enumerate(kills):
            until = kills[place + 1][0] if place + 1 < len(kills) else float("inf")
            if at > stream.times[-1] or until < stream.began:
                continue
            points = [max(at, stream.began)] + [t for t in stream.times if at < t]
            for a, b in zip(points, points[1:]):
                if a < until and (best is None or b - a > best[0]):
                    best = (b - a, role)
        if best is not None:
            found.setdefault(best[1], []).append(1e3 * best[0])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--roles", nargs="+", default=["token", "prompt"], help="whose turn it is, one after the other")
    parser.add_argument("--machines", nargs="+", default=[f"{name}:{role}" for name, role in MACHINES], metavar="NAME:ROLE")
    parser.add_argument("--streams", type=int, default=8, help="at once")
    parser.add_argument("--tokens", type=int, default=200, help="of each stream")
    parser.add_argument("--long-prompt", type=int, default=600, help="tokens, at most")
    parser.add_argument("--calls", type=int, default=8, help="different short calls, and as many long ones")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds, at most, from a node's return to the next kill")
    parser.add_argument("--settle", type=float, default=20, help="seconds until a node is back, and until all is free at the end")
    parser.add_argument("--transport", choices=("auto", "shared_memory", "tcp"), default="auto")
    parser.add_argument("--kv-memory", default="32MiB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    machines = [tuple(each.split(":", 1)) for each in a.machines]
    draw = random.Random(a.seed)
    kills, faults, started = [], [], []
    with tempfile.TemporaryDirectory(prefix="troupe-killing-") as folder:
        try:
            alone = OneProcess(a, folder)
            started.append(alone)
            alone.start()
            calls = [call for pair in zip(*make_calls(alone, a).values()) for call in pair]
            right, _ = ask_all(alone, calls, a.streams, "serve")
            alone.end()
            cluster = Cluster(a, folder, random.Random(), machines)
            started.append(cluster)
            cluster.start(PATIENCE)
            load = Load(a, cluster, calls, right)
            begin = time.monotonic()
            for number in range(a.kills):
                time.sleep(draw.uniform(0, a.pause))
                role = a.roles[number % len(a.roles)]
                victim = cluster.nodes[draw.choice([name for name, its_role in machines if its_role == role])]
                kills.append((time.monotonic(), role))
                victim.process.kill()
                victim.process.wait()
                victim.start()
                state = cluster.settled(a.settle, busy=True)
                if state is not None:
                    faults.append(f"kill {number}: {victim.name} did not come back within {a.settle:g} s:\n{state}")
                faults += [f"kill {number}: a node ended by itself: {each}" for each in cluster.ended_by_themselves()]
                if faults:
                    break
            took = time.monotonic() - begin
            load.end()
            state = cluster.settled(a.settle)
            if state is not None:
                faults.append(f"not all is free and connected at the end:\n{state}")
            if faults:
                faults.append(cluster.last_words(20))
        finally:
            for each in started:
                each.end()
    faults = load.wrong + faults
    rows = {}
    found = gaps_of(load.done, kills)
    for role in a.roles:
        gaps = found.get(role, [])
        rows[role] = {"kills": sum(each == role for _, each in kills), "moved": len(gaps), "gap_p50_ms": percentile(gaps, 0.5),
                      "gap_p99_ms": percentile(gaps, 0.99), "gap_max_ms": max(gaps, default=None)}
    if a.json:
        print(json.dumps({"seconds": round(took, 1), "streams": len(load.done), "wrong": len(load.wrong), "roles": rows, "faults": faults}, indent=1))
    else:
        print(f"{len(kills)} kills in {took:.0f} s, {len(load.done)} streams of {a.tokens} tokens ({a.streams} at once): {len(load.wrong)} wrong")
        for role, row in rows.items():
            print(f"{role:<8}{row['kills']:>5} kills, {row['moved']:>4} streams moved; from kill to next token: p50 {show(row['gap_p50_ms'])}, "
                  f"p99 {show(row['gap_p99_ms'])}, max {show(row['gap_max_ms'])} ms")
        for fault in faults[:20]:
            print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
