#!/usr/bin/env python3
"""Make one node's network slow and see whom it slows: the requests whose KV goes there, or all.

usage: slow_link.py [--rates 1000 100 10] [--victim t1] [--streams 8] [--rounds 3] [--json]
needs: a build, unshare, ip and tc, and a kernel that lets this user make user and network namespaces and shape lo there (htb, u32)

Starts the cluster of kills.py over tcp in a network namespace of its own (no other process notices), asks it everything once, undisturbed,
and then, at each of --rates (Mbit/s), sends what the victim's process says and hears (KV and control messages; not the clients' HTTP) through
a queue of that rate. Of the streams that ran then: time to the first token, and the longest gap of each, apart for those whose KV went to the
victim and the others; beside it what `troupe doctor` measures of the way. Every stream has to end with the tokens of the undisturbed run.
Exit code: 0, or 1 when one did not, or 69 where the kernel does not let us.
"""
import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from cluster import MACHINES, PATIENCE, ROOT, Cluster, Stream, ask_all, difference, make_calls, percentile, show

UNAVAILABLE = 69
INSIDE = "TROUPE_SLOW_LINK_INSIDE"


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def enter_namespace():
    """Goes on as root of a user namespace with a network of its own."""
    probe = run("unshare", "-rn", "sh", "-c", "ip link set lo up && tc qdisc add dev lo root handle 1: htb default 1")
    if probe.returncode != 0:
        print(f"slow_link.py: the kernel does not let us: {probe.stdout.strip()}", file=sys.stderr)
        sys.exit(UNAVAILABLE)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-rn", "--kill-child", sys.executable, __file__, *sys.argv[1:]])


def tc(*words):
    done = run("tc", *words)
    if done.returncode != 0:
        sys.exit(f"tc {' '.join(words)}: {done.stdout.strip()}")


def set_up_network():
    run("ip", "link", "set", "lo", "up")
    tc("qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "1")
    tc("class", "add", "dev", "lo", "parent", "1:", "classid", "1:1", "htb", "rate", "100gbit")


def ports_of(process):
    """Local ports of all its TCP sockets, listening and connected."""
    inodes = set()
    for file in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = os.readlink(file)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for line in pathlib.Path("/proc/self/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            ports.add(int(fields[1].split(":")[1], 16))
    return ports


def slow_down(process, mbit):
    """What goes to or from the process has that rate; None: as before."""
    run("tc", "filter", "del", "dev", "lo", "parent", "1:")
    run("tc", "class", "del", "dev", "lo", "classid", "1:2")
    if mbit is None:
        return
    tc("class", "add", "dev", "lo", "parent", "1:", "classid", "1:2", "htb", "rate", f"{mbit}mbit", "burst", "128k")
    for port in sorted(ports_of(process)):
        for end in ("sport", "dport"):
            tc("filter", "add", "dev", "lo", "parent", "1:", "protocol", "ip", "u32", "match", "ip", end, str(port), "0xffff", "flowid", "1:2")


def way(a, cluster):
    """What doctor says of the ways to the victim, from prompt machines' nodes."""
    done = run(a.troupe, "doctor", "--url", cluster.url, "--json")
    try:
        findings = json.loads(done.stdout)
    except ValueError:
        return done.stdout.strip()[:200]
    prompts = [name for name, role in MACHINES if role == "prompt"]
    return "; ".join(f"{each['what']}: {each['found']}" for each in findings if each["what"] in [f"{name} -> {a.victim}" for name in prompts])


def measure(a, cluster, calls, right, label):
    groups, wrong = {"victim": [], "others": []}, []
    for number in range(a.rounds):
        places = [(number * a.streams + i) % len(calls) for i in range(a.streams)]
        streams = [Stream(cluster, calls[place], f"{label}-{number}-{i}") for i, place in enumerate(places)]
        for place, stream in zip(places, streams):
            stream.join(PATIENCE)
            ids, text, error = stream.result() if stream.ended else ([], "", f"no end after {PATIENCE} s")
            if error or (ids, text) != right[place]:
                wrong.append(f"{label}, {stream.name_of_request}: {error or difference(right[place][0], ids)}")
                continue
            told = cluster.get(f"/troupe/requests/{stream.name_of_request}?format=json")[0]
            towards = [each["to"] for each in told.get("transfers", [])]
            tail = [each["exposed_tail_us"] for each in told.get("transfers", []) if each["exposed_tail_us"] is not None]
            groups["victim" if a.victim in towards else "others"].append(
                {"ttft": 1e3 * (stream.times[0] - stream.began), "tail": max(tail, default=0) / 1e3,
                 "gap": 1e3 * max(b - a for a, b in zip(stream.times, stream.times[1:]))})
    state = cluster.settled(PATIENCE)
    if state is not None:
        wrong.append(f"{label}: not all is free and connected: {state}")
    rows = {}
    for name, streams in groups.items():
        rows[name] = {"streams": len(streams)}
        for key in ("ttft", "gap", "tail"):
            values = [each[key] for each in streams]
            rows[name] |= {f"{key}_p50_ms": percentile(values, 0.5), f"{key}_p99_ms": percentile(values, 0.99)}
    return rows, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--troupe", default=str(ROOT / "build" / "troupe"))
    parser.add_argument("--model", default=str(ROOT / "tools" / "demo_model" / "checkpoint"))
    parser.add_argument("--rates", nargs="+", type=int, default=[1000, 100, 10], help="Mbit/s")
    parser.add_argument("--victim", choices=[name for name, _ in MACHINES], default="t1")
    parser.add_argument("--streams", type=int, default=8, help="at once")
    parser.add_argument("--rounds", type=int, default=3, help="of streams at each rate")
    parser.add_argument("--tokens", type=int, default=100, help="of each stream")
    parser.add_argument("--long-prompt", type=int, default=800, help="tokens, at most")
    parser.add_argument("--calls", type=int, default=16, help="different calls")
    parser.add_argument("--kv-memory", default="32MiB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    if INSIDE not in os.environ:
        enter_namespace()
    set_up_network()
    a.transport = "tcp"
    found, faults = {}, []
    with tempfile.TemporaryDirectory(prefix="troupe-slow-") as folder:
        cluster = Cluster(a, folder, random.Random())
        try:
            cluster.start(PATIENCE)
            calls = make_calls(cluster, a)["long"]
            right, _ = ask_all(cluster, calls, a.streams, "undisturbed")
            for rate in (None, *a.rates):
                label = "unshaped" if rate is None else f"{rate} Mbit/s"
                slow_down(cluster.nodes[a.victim].process, rate)
                rows, wrong = measure(a, cluster, calls, right, label.split()[0])
                faults += wrong
                found[label] = {"rows": rows, "way": way(a, cluster)}
        finally:
            cluster.end()
    if a.json:
        print(json.dumps({"victim": a.victim, "found": found, "faults": faults}, indent=1))
    else:
        print(f"{'victim ' + a.victim:<14}{'KV to':<8}{'streams':>8}{'TTFT p50':>10}{'p99':>8}{'gap p50':>10}{'p99':>8}{'tail p50':>10}{'p99':>8}  (ms)")
        for label, one in found.items():
            for name, row in one["rows"].items():
                print(f"{label:<14}{name:<8}{row['streams']:>8}" + "".join(f"{show(row[f'{key}_{part}_ms']):>{width}}" for key in ("ttft", "gap", "tail")
                                                                         for part, width in (("p50", 10), ("p99", 8))))
            print(f"{'':<14}{one['way']}")
        for fault in faults:
            print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
