#!/usr/bin/env python3
"""Changes machines' roles while streams run, and looks whether a stream notices.

The cluster of kills.py (two prompt machines, two token machines) serves streams without a pause; meanwhile the roles of random machines
are changed, one after the other, through POST /troupe/machines/NAME?role=. Each stream must get the tokens that `troupe serve` gives, and
nothing may be held at the end. Exit code 1 where that is not so.
"""
import argparse
import pathlib
import random
import sys
import tempfile
import threading
import time
import urllib.request

import cluster as shared

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def change_role(cluster, machine, role):
    request = urllib.request.Request(f"{cluster.url}/troupe/machines/{machine}?role={role}", b"{}", {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two flips")
    parser.add_argument("--streams", type=int, default=8, help="at once")
    parser.add_argument("--tokens", type=int, default=300, help="of each stream")
    parser.add_argument("--long-prompt", type=int, default=600, help="tokens")
    parser.add_argument("--calls", type=int, default=16, help="different short calls, and as many long ones")
    parser.add_argument("--transport", choices=("auto", "shared_memory", "tcp"), default="auto")
    parser.add_argument("--kv-memory", default="32MiB")
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    draw = random.Random(a.seed)
    started, wrong, done = [], [], []
    with tempfile.TemporaryDirectory(prefix="troupe-flips-") as folder:
        try:
            alone = shared.OneProcess(a, folder)
            started.append(alone)
            alone.start()
            calls = [call for some in shared.make_calls(alone, a).values() for call in some]
            right, _ = shared.ask_all(alone, calls, a.streams, "serve")
            alone.end()
            cluster = shared.Cluster(a, folder, random.Random())
            started.append(cluster)
            cluster.start(shared.PATIENCE)
            over = threading.Event()

            def keep_streaming(lane):
                number = 0
                while not over.is_set():
                    which = (lane + a.streams * number) % len(calls)
                    stream = shared.Stream(cluster, calls[which], f"flip-{lane}-{number}")
                    stream.join()
                    ids, text, error = stream.result()
                    gaps = [later - earlier for earlier, later in zip(stream.times, stream.times[1:])]
                    done.append(max(gaps, default=0))
                    if error or (ids, text) != right[which]:
                        wrong.append(f"stream {lane}-{number}: {error or shared.difference(right[which][0], ids)}")
                    number += 1

            lanes = [threading.Thread(target=keep_streaming, args=(lane,), daemon=True) for lane in range(a.streams)]
            for lane in lanes:
                lane.start()
            names = [name for name, _ in shared.MACHINES]
            for _ in range(a.flips):
                change_role(cluster, draw.choice(names), draw.choice(("prompt", "token", "mixed")))
                time.sleep(a.pause)
            over.set()
            for lane in lanes:
                lane.join()
            state = cluster.settled(10)
            if state is not None:
                wrong.append(f"not all is free and connected at the end:\n{state}")
        finally:
            for each in started:
                each.end()
    done.sort()
    print(f"{a.flips} changes of roles, {len(done)} streams of {a.tokens} tokens ({a.streams} at once): {len(wrong)} wrong; "
          f"longest gap in a stream: p50 {1e3 * done[len(done) // 2]:.0f} ms, max {1e3 * done[-1]:.0f} ms")
    for each in wrong[:10]:
        print(f"FAULT: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
