#!/usr/bin/env python3
"""Kill and stall nodes of a cluster under live streams and see whether a client can tell: no token lost, repeated or changed, no block kept.

usage: kills.py [--troupe build/troupe] [--model tools/demo_model/checkpoint] [--transport auto|shared_memory|tcp] [--rounds 20]
                [--kinds kill-token kill-prompt stop-token stop-prompt] [--stall 3] [--json]
needs: a build, and a model whose context holds --long-prompt + --tokens; nothing beyond Python

Starts a cluster on free ports (a front node without a machine, two prompt machines, two token machines), and asks it all --calls once,
undisturbed, after `troupe serve` in one process was asked the same: greedy calls and seeded ones, texts and token ids have to be equal byte
for byte. Then the rounds, each of --streams live streams, drawn from --seed (what cannot be drawn is how the processes interleave):
  kill-token   kill -9 of a token node, when all streams have had so many tokens; it is started again at once
  kill-prompt  kill -9 of a prompt node while half of the streams wait for their long prompts; it is started again at once
  stop-token   SIGSTOP of a token node as above, SIGCONT after --stall seconds; as many streams again start shortly before that
  stop-prompt  SIGSTOP of a prompt node as above, SIGCONT as above
  kill-mixed, stop-mixed  as for token nodes; wants --machines with mixed ones, as m0:mixed m1:mixed m2:mixed
  stop-front   SIGSTOP of the node that routes and serves HTTP: its streams pause, and go on elsewhere when it wakes. New calls that meet it
               before it has found the machines again are refused with 503, before any work: `refused`, which is no fault
With --stall 10 and stop-token stop-prompt stop-mixed stop-front this shows what stalled nodes said late and how it was refused.
Every stream has to end by length with the right ids and text. Then all nodes have to be connected, and all blocks free, within --settle
seconds. The gaps are of streams that moved: the longest time without a token between the signal (or the stream's start, where that is later)
and its end; `any gap` is of all streams. `known` is from the signal to the front's log line about the lost node. Exit code: 0, or 1 when a
stream was wrong, a block kept, or a node ended by itself.
"""
import argparse
import collections
import datetime
import http.client
import json
import os
import random
import signal
import sys
import tempfile
import time

from cluster import (MACHINES, PATIENCE, ROOT, Cluster, OneProcess, Stream, ask_all, difference, make_calls, percentile, show,
                     wait_until)

KINDS = ("kill-token", "kill-prompt", "stop-token", "stop-prompt", "kill-mixed", "stop-mixed", "stop-front")
USUAL_KINDS = KINDS[:4]
WORST = ("lost", "repeated", "changed", "errors", "leaked")
SPOKEN = ("node_joined", "node_lost", "node_refused")
SECOND_WAVE = 0.2  # seconds before SIGCONT at which as many streams start again, to be live when the node wakes
STORY = ("RouteDecided", "RouteRefused", "RequestFailed", "RequestReleased", "MachineLost", "RequestEnded")


class Round:
    """One round: what was wrong with it, and the gaps that clients saw."""

    def __init__(self, cluster, a, number, calls, answers, prompt_phase):
        self.kind = a.kinds[number % len(a.kinds)]
        self.cluster, self.a, self.number, self.draw = cluster, a, number, random.Random(f"{a.seed} {number}")
        self.counts, self.gaps, self.longest, self.notes, self.known_ms = collections.Counter(), [], [], [], None
        self.spoken = collections.Counter()
        self.moved, self.slow = 0, []
        role = self.kind.split("-")[1]
        self.victim = cluster.nodes[self.draw.choice([name for name, its_role in cluster.machines if its_role == role] or ["front"])]
        long_ones = a.streams // 2 if role == "prompt" else 0
        picks = [("long", i) for i in self.draw.sample(range(a.calls), long_ones)]
        picks += [("short", i) for i in self.draw.sample(range(a.calls), a.streams - long_ones)]
        self.draw.shuffle(picks)
        self.right = [answers[length][i] for length, i in picks]
        positions = {name: node.log_size() for name, node in cluster.nodes.items()}
        self.streams = []
        self.call = lambda: [self.streams.append(Stream(cluster, calls[length][i], f"round{number}-{len(self.streams)}")) for length, i in picks]
        self.call()
        self.long_ones = [stream for stream, (length, _) in zip(self.streams, picks) if length == "long"]
        self.strike(role, prompt_phase)
        self.judge()
        self.look_back(positions)
        state = cluster.settled(a.settle)
        if state is not None:
            self.fault("leaked", f"after {a.settle:g} s:\n{state}")

    def fault(self, what, note, count=1):
        self.counts[what] += count
        self.notes.append(f"round {self.number}, {self.kind} {self.victim.name}: {what}: {note}")

    def strike(self, role, prompt_phase):
        if role != "prompt":
            tokens = self.draw.randint(1, max(1, self.a.tokens * 8 // 10))
            wait_until(lambda: all(s.times or s.ended for s in self.streams) and self.furthest() >= tokens)
        else:
            # While a prompt is left, and as likely in each of them.
            done = self.draw.randrange(len(self.long_ones))
            nearly = self.a.tokens * 8 // 10  # the first stream is about to end, and all are to be live
            wait_until(lambda: sum(bool(s.times) or s.ended for s in self.long_ones) >= done or self.furthest() >= nearly)
            pause = self.draw.uniform(0, prompt_phase / self.a.streams)
            wait_until(lambda: self.furthest() >= nearly, pause)
        self.live = sum(not s.ended for s in self.streams)
        self.prompts_left = sum(not s.times for s in self.streams)
        process, self.wall = self.victim.process, time.time()
        self.struck = time.monotonic()
        if self.kind.startswith("kill"):
            process.kill()
            process.wait()
            self.victim.start()
            return
        process.send_signal(signal.SIGSTOP)
        time.sleep(max(0, self.a.stall - SECOND_WAVE))
        self.call()
        self.right *= 2
        time.sleep(max(0, self.struck + self.a.stall - time.monotonic()))
        self.live_when_woken = sum(not s.ended for s in self.streams)
        process.send_signal(signal.SIGCONT)

    def furthest(self):
        return max(self.a.tokens if s.ended else len(s.times) for s in self.streams)

    def judge(self):
        end = time.monotonic() + PATIENCE
        for place, (stream, (right_ids, right_text)) in enumerate(zip(self.streams, self.right)):
            stream.join(max(0, end - time.monotonic()))
            ids, text, error = ([], "", f"no end after {PATIENCE} s, {len(stream.times)} tokens") if not stream.ended else stream.result()
            if error is not None and self.kind == "stop-front" and not ids and error.startswith("HTTP 503"):
                self.counts["refused"] += 1
                continue
            if error is not None:
                self.fault("errors", f"stream {place}: {error}" + self.story(stream))
                continue
            for what, count in zip(("lost", "repeated", "changed"), difference(right_ids, ids)):
                if count:
                    at = next((i for i, (x, y) in enumerate(zip(ids, right_ids)) if x != y), min(len(ids), len(right_ids)))
                    self.fault(what, f"stream {place}: {count} tokens, from {at} of {len(right_ids)} on", count)
            if ids == right_ids and text != right_text:
                self.fault("changed", f"stream {place}: the ids are right and the text is not: {text!r}")
            after = [t for t in stream.times if t > self.struck]
            if not after:
                continue
            start = max(self.struck, stream.began)
            gaps = [b - a for a, b in zip([start] + after, after)]
            self.longest.append(1e3 * max(gaps))
            if max(gaps) > self.a.slow:
                self.slow.append(f"slow: stream {place}, a gap of {1e3 * max(gaps):.0f} ms, that ended {1e3 * (after[gaps.index(max(gaps))] - self.struck):.0f}"
                                 f" ms after the signal" + self.story(stream))
            if self.decisions(stream) > 1:
                self.moved += 1
                self.gaps.append(1e3 * max(gaps))  # tokens that were on their way to the client still come in between

    def messages(self, stream):
        """What the front node recorded of the stream's request; nothing where it has forgotten it."""
        try:
            recording = self.cluster.get(f"/troupe/requests/{stream.name_of_request}?format=json")
        except (OSError, http.client.HTTPException):
            return []
        return recording[0]["messages"]

    def decisions(self, stream):
        """How often the router chose machines for the stream's request."""
        return sum(message["name"] == "RouteDecided" for message in self.messages(stream))

    def story(self, stream):
        """Where the request went, and why it went on, line by line; of a long way the two ends."""
        lines = [f"\n    {m['sent_us'] / 1e3:9.1f} ms {m['name']} from {m['from']}: " + m.get("note", "").split("\n")[0]
                 for m in self.messages(stream) if m["name"] in STORY]
        if len(lines) > 12:
            lines[6:-6] = [f"\n    ... {len(lines) - 12} more"]
        return "".join(lines)

    def look_back(self, positions):
        time.sleep(0.1)
        for name, node in self.cluster.nodes.items():
            for event in node.events_since(positions[name]):
                if event["event"] not in SPOKEN:
                    continue
                self.spoken[(self.kind, "victim" if node is self.victim else "front" if name == "front" else "other", event["event"],
                             event.get("why", ""))] += 1
                watching = name == "front" if self.victim.name != "front" else name != "front"
                if watching and event["event"] == "node_lost" and event["node"] == self.victim.name and self.known_ms is None:
                    at = datetime.datetime.fromisoformat(event["ts"][:26] + "+00:00").timestamp()
                    self.known_ms = 1e3 * (at - self.wall)


def summary(rounds):
    gaps = [gap for each in rounds for gap in each.gaps]
    known = [each.known_ms for each in rounds if each.known_ms is not None]
    longest = [gap for each in rounds for gap in each.longest]
    row = {"rounds": len(rounds), "streams": sum(len(each.streams) for each in rounds), "live": sum(each.live for each in rounds),
           "moved": sum(each.moved for each in rounds), **{what: sum(each.counts[what] for each in rounds) for what in (*WORST, "refused")}}
    for name, values in (("gap", gaps), ("any_gap", longest), ("known", known)):
        row |= {f"{name}_p50_ms": percentile(values, 0.5), f"{name}_p99_ms": percentile(values, 0.99), f"{name}_max_ms": max(values, default=None)}
    return row


def print_table(rows):
    print(f"{'kind':<12} {'rounds':>6} {'live':>5} {'moved':>5} {'lost':>5} {'repeated':>8} {'changed':>7} {'errors':>6} {'leaked':>6} {'refused':>7}"
          f" {'gap p50':>8} {'p99':>6} {'max':>6} {'any gap max':>11} {'known p50':>9} {'max':>5}  (ms)")
    for kind, row in rows.items():
        print(f"{kind:<12} {row['rounds']:>6} {row['live']:>5} {row['moved']:>5} {row['lost']:>5} {row['repeated']:>8} {row['changed']:>7}"
              f" {row['errors']:>6} {row['leaked']:>6} {row['refused']:>7} {show(row['gap_p50_ms']):>8} {show(row['gap_p99_ms']):>6} {show(row['gap_max_ms']):>6}"
              f" {show(row['any_gap_max_ms']):>11} {show(row['known_p50_ms']):>9} {show(row['known_max_ms']):>5}")


def run_rounds(cluster, a, calls, answers, prompt_phase, say):
    rounds, faults = [], []
    for number in range(a.first, a.first + a.rounds):
        one = Round(cluster, a, number, calls, answers, prompt_phase)
        rounds.append(one)
        faults += one.notes
        say(f"round {number:>4} {one.kind:<11} {one.victim.name}: {one.live} live, {one.prompts_left} without a token, {one.moved} moved, "
            f"gap {show(max(one.gaps, default=None))} ms, known after {show(one.known_ms)} ms"
            + (f", {one.live_when_woken} live when it woke" if one.kind.startswith("stop") else ""))
        for note in one.notes + one.slow:
            say(note)
        ended = cluster.ended_by_themselves()
        if ended:
            faults += [f"round {number}: a node ended by itself: {each}" for each in ended]
        if ended or (a.stop_at_fault and one.notes):
            faults.append(cluster.last_words(20))
            break
    return rounds, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--transport", choices=("auto", "shared_memory", "tcp"), default="auto")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="number of the first round, to have one again")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=USUAL_KINDS, help="what the rounds go through in turn")
    parser.add_argument("--machines", nargs="+", default=[f"{name}:{role}" for name, role in MACHINES], metavar="NAME:ROLE",
                        help="one on each node but the front")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=400, help="of each stream")
    parser.add_argument("--long-prompt", type=int, default=1500, help="tokens")
    parser.add_argument("--calls", type=int, default=16, help="different short calls, and as many long ones")
    parser.add_argument("--kv-memory", default="32MiB")
    parser.add_argument("--stall", type=float, default=3, help="seconds from SIGSTOP to SIGCONT")
    parser.add_argument("--settle", type=float, default=10, help="seconds until all is free and connected again")
    parser.add_argument("--slow", type=float, default=2.5, help="seconds; a stream with a longer gap is shown, with its way through the cluster")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stop-at-fault", action="store_true", help="and show what the nodes said last")
    parser.add_argument("--keep", help="folder for the cluster file and the nodes' logs, which then stay")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    machines = [tuple(each.split(":", 1)) for each in a.machines]
    for kind in a.kinds:
        if kind.split("-")[1] not in ("front", *(role for _, role in machines)):
            parser.error(f"{kind}: --machines has none with that role")
    if a.calls < a.streams:
        parser.error("--calls has to be --streams at least")

    def say(text):
        print(text, file=sys.stderr if a.json else sys.stdout, flush=True)

    with tempfile.TemporaryDirectory(prefix="troupe-kills-") as temporary:
        folder = a.keep or temporary
        os.makedirs(folder, exist_ok=True)
        started = []
        try:
            alone = OneProcess(a, folder)
            started.append(alone)
            alone.start()
            calls = make_calls(alone, a)
            right = {length: ask_all(alone, some, a.streams, f"serve-{length}")[0] for length, some in calls.items()}
            alone.end()
            cluster = Cluster(a, folder, random.Random(), machines)
            started.append(cluster)
            cluster.start(PATIENCE)
            faults, prompt_phase = [], 0
            for length, some in calls.items():
                answers, prompt_phase = ask_all(cluster, some, a.streams, f"undisturbed-{length}")
                wrong = [i for i, (x, y) in enumerate(zip(answers, right[length])) if x != y]
                faults += [f"undisturbed, {length} call {i}: the cluster answers otherwise than serve" for i in wrong]
            say(f"undisturbed: {2 * a.calls} calls, {len(faults)} answered otherwise than by serve; link: {a.transport}")
            rounds, more = run_rounds(cluster, a, calls, right, prompt_phase, say)
            faults += more
        finally:
            for each in started:
                each.end()

    rows = {kind: summary([each for each in rounds if each.kind == kind]) for kind in a.kinds if any(r.kind == kind for r in rounds)}
    spoken = sum((each.spoken for each in rounds), collections.Counter())
    if a.json:
        said = [dict(zip(("kind", "by", "event", "why", "count"), (*key, count))) for key, count in sorted(spoken.items())]
        print(json.dumps({"transport": a.transport, "kinds": rows, "said": said, "faults": faults}, indent=1))
    else:
        print_table(rows)
        print("what the nodes said of each other:")
        for (kind, by, event, why), count in sorted(spoken.items()):
            print(f"{count:>6} {kind:<11} {by:<6} {event}: {why}")
        for fault in faults:
            print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
