#!/usr/bin/env python3
"""Throw noise, forged frames and idle connections at every port of a running cluster, and see whether memory or service change.

usage: noise.py [--troupe build/troupe] [--model tools/demo_model/checkpoint] [--transport auto|shared_memory|tcp] [--tls]
                [--rounds 3] [--streams 2] [--tokens 48] [--seed 1] [--only NAME...] [--ports control|http|kv...] [--slack 8] [--json]
needs: a build, and ss (iproute2); nothing beyond Python

Starts a cluster like cluster_configs/local.yaml on free ports (`troupe up`, with --tls after `troupe certs`), asks it a few greedy calls
undisturbed, and finds what it listens on: `ss -ltnp`, by the pids of its nodes. Then, --rounds times for each port, every attack:
  noise      10,000 random bytes, whole and in pieces                greeted    a node's greeting, then noise, or nothing
  caf        CAF headers: each kind, lengths 0, 1, 2^31, 2^32-1      caf_greeted  the same after a node's greeting
  http       requests that are none, endless, or contradictory      tls        records that are none, cut short, or too long
  ucx        UCX's magic number, then frames of its own, forged     halves     what begins well and stops, held for a while
  idle       300 connections that say nothing, held for a while
while --streams clients ask the same calls again and again. Afterwards every answer has to be the undisturbed one, every pid the one that it
was, and no node larger by more than --slack MiB than before. Prints for each node its growth, and for each port what was thrown. Exit code:
0, or 1 when something changed.
"""
import argparse
import json
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from cluster import PATIENCE, ROOT, die_with_parent, free_ports

HOLD = 1.0  # seconds for which connections are held
MACHINES = (("prompt0", "p0", "prompt"), ("token0", "t0", "token"), ("mixed0", "m0", "mixed"))
GREETING = b"Troupe\0d\0\1" + bytes(6)
UCX_MAGIC = struct.pack("=Q", 0xCAFEBABE12345678)
LENGTHS = (0, 1, 1 << 31, (1 << 32) - 1)
STRANGER = "127.0.0.2"  # HTTP bounds the connections of one address, and those of clients come from another


class Cluster:
    """`troupe up` on a file in `folder`, until end()."""

    def __init__(self, a, folder, draw):
        ports = free_ports(1 + len(MACHINES), draw)
        nodes = [f"  - {{name: front, control_port: {ports[0]}, router: true, http: {{}}}}"]
        for port, (node, machine, role) in zip(ports[1:], MACHINES):
            nodes.append(f"  - {{name: {node}, control_port: {port}, "
                         f"machines: [{{name: {machine}, role: {role}, device: {{threads: 1, kv_memory: 64MiB}}}}]}}")
        tls = 'tls: {ca: certs/ca.pem, certificate: "certs/{name}.pem", key: "certs/{name}.key"}\n' if a.tls else ""
        self.file = pathlib.Path(folder) / "cluster.yaml"
        self.file.write_text(f"cluster: noise\nmodel: {{path: {pathlib.Path(a.model).resolve()}}}\n{tls}nodes:\n" + "\n".join(nodes) +
                             f"\nlink: {{transport: {a.transport}}}\nlog: {{format: json}}\n")
        if a.tls:
            subprocess.run([a.troupe, "certs", str(pathlib.Path(folder) / "certs"), "--config", str(self.file)], check=True,
                           stdout=subprocess.DEVNULL)
        self.control_ports = ports
        self.output = open(pathlib.Path(folder) / "up.log", "w+b")
        self.process = subprocess.Popen([a.troupe, "up", str(self.file), "--port", "0"], stdout=self.output, stderr=subprocess.STDOUT,
                                        preexec_fn=die_with_parent)
        self.url = self.await_url()
        self.await_machines()

    def log(self):
        self.output.flush()
        return pathlib.Path(self.output.name).read_text(errors="replace")

    def fail(self, why):
        sys.exit(f"{why}\n{self.log()}")

    def await_url(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(r"listening on (http://\S+)", self.log())
            if found:
                return found.group(1).rstrip(".,")
            time.sleep(0.05)
        self.fail("the cluster did not start")

    def status(self):
        with urllib.request.urlopen(self.url + "/troupe/status", timeout=PATIENCE) as answer:
            return json.load(answer)

    def await_machines(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            state = self.status()
            if len(state["machines"]) == len(MACHINES) and all(node["pid"] for node in state["nodes"]):
                return
            time.sleep(0.05)
        self.fail("not all machines came")

    def pids(self):
        return {node["name"]: node["pid"] for node in self.status()["nodes"]}

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()


def listeners(pids):
    """[(node, address, port)] of what these processes listen on."""
    nodes = {pid: name for name, pid in pids.items()}
    found = []
    for line in subprocess.run(["ss", "-ltnpH"], check=True, capture_output=True, text=True).stdout.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        for pid in set(re.findall(r"pid=(\d+)", line)):
            if int(pid) in nodes:
                found.append((nodes[int(pid)], address.strip("[]"), int(port)))
    return sorted(found)


def rss(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def caf_header(kind, length, rest=bytes(24)):
    return bytes([kind, 0, 0, 0]) + struct.pack(">I", length) + rest


def caf_frames():
    for kind in (*range(8), 255):
        for length in LENGTHS:
            for rest in (bytes(24), bytes([0] * 7 + [3] + [0] * 15 + [1]), b"\xff" * 24):
                yield caf_header(kind, length, rest) + b"x" * 64


def attacks(draw):
    """name -> (payloads, whether they are held)"""
    noise = [draw.randbytes(10_000) for _ in range(4)]
    half = [GREETING[:n] for n in (1, 8, 15)]
    half += [b"GET / HTTP/1.1\r\nHost:", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", UCX_MAGIC[:5], UCX_MAGIC]
    http = [b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", b"A" * 100_000,
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"GET /" + b"%00" * 3000 + b" HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    tls = [b"\x16\x03\x01" + struct.pack(">H", n) + draw.randbytes(min(n, 400)) for n in (0, 1, 300, 16384, 65535)]
    tls += [b"\x15\x03\x03\x00\x02\x02\x28", b"\x17\x03\x03\x40\x00" + draw.randbytes(16384)]
    # A header is a kind and a length; 32 is UCX's own connection management.
    ucx = [UCX_MAGIC + struct.pack("=BI", kind, length) + draw.randbytes(200)
           for kind in (0, 1, 2, 20, 31, 32, 33, 255) for length in (*LENGTHS, 24, 8000)]
    return {"noise": (noise, False), "greeted": ([GREETING + n for n in (b"", *noise)], False), "caf": (list(caf_frames()), False),
            "caf_greeted": ([GREETING + f for f in caf_frames()], False), "http": (http, False), "tls": (tls, False),
            "ucx": (ucx + [UCX_MAGIC + noise[0]], False), "halves": (half * 4, True), "idle": ([b""] * 300, True)}


def throw(address, port, payload):
    """One connection with those bytes; it is closed by whoever holds what this returns."""
    connection = socket.create_connection((address, port), timeout=1, source_address=(STRANGER, 0))
    connection.settimeout(0.05)
    try:
        for i in range(0, len(payload), 4096):
            connection.sendall(payload[i:i + 4096])
    except OSError:
        pass  # refused in the middle, as it should be
    return connection


class Client(threading.Thread):
    """Asks the same calls again and again, and keeps what differs from `right`."""

    def __init__(self, cluster, calls, right):
        super().__init__(daemon=True)
        self.cluster, self.calls, self.right = cluster, calls, right
        self.asked, self.wrong, self.stop = 0, [], threading.Event()

    def run(self):
        while not self.stop.is_set():
            for call, right in zip(self.calls, self.right):
                try:
                    got = complete(self.cluster.url, call)
                except Exception as error:  # whatever it was, a client noticed
                    got = repr(error)
                self.asked += 1
                if got != right:
                    self.wrong.append(got)


def complete(url, call):
    request = urllib.request.Request(url + "/v1/completions", json.dumps(call).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)["choices"][0]["text"]


def kind_of(cluster, port):
    if port in cluster.control_ports:
        return "control"
    return "http" if cluster.url.endswith(f":{port}") else "kv"


def run(a, folder):
    draw = random.Random(a.seed)
    cluster = Cluster(a, folder, draw)
    try:
        with urllib.request.urlopen(cluster.url + "/v1/models", timeout=PATIENCE) as answer:
            model = json.load(answer)["data"][0]["id"]
        calls = [{"model": model, "prompt": prompt, "max_tokens": a.tokens, "temperature": 0, "ignore_eos": True}
                 for prompt in ("Once upon a time", "The list of", "tell me " * 20)]
        right = [complete(cluster.url, call) for call in calls]
        clients = [Client(cluster, calls, right) for _ in range(a.streams)]
        for client in clients:
            client.start()
        time.sleep(3)  # what serving itself takes is no growth
        pids = cluster.pids()
        ports = [found for found in listeners(pids) if not a.ports or kind_of(cluster, found[2]) in a.ports]
        before = {name: rss(pid) for name, pid in pids.items()}
        thrown, shut, gone = {}, {}, []
        for round_ in range(a.rounds):
            for node, address, port in ports:
                for name, (payloads, held) in attacks(draw).items():
                    if a.only and name not in a.only:
                        continue
                    holding = []
                    for payload in payloads:
                        try:
                            connection = throw(address, port, payload)
                        except TimeoutError:
                            shut[(node, port)] = shut.get((node, port), 0) + 1
                            break  # nobody is let in, as UCX's door is when the nodes have met
                        except OSError as error:
                            gone.append(f"{name} at {node}:{port}: {error}")
                            break
                        if held:
                            holding.append(connection)
                        else:
                            connection.close()
                        thrown[(node, port)] = thrown.get((node, port), 0) + 1
                    time.sleep(HOLD if held else 0.05)
                    for connection in holding:
                        connection.close()
                    dead = [n for n, pid in pids.items() if not pathlib.Path(f"/proc/{pid}").exists()]
                    if dead:
                        gone.append(f"{name} at {node}:{port} ({kind_of(cluster, port)}) ended {', '.join(dead)}")
                        break
                else:
                    continue
                break
            if gone:
                break
        time.sleep(5)  # what waits for its time to be over
        for client in clients:
            client.stop.set()
        for client in clients:
            client.join(PATIENCE)
        after = {name: rss(pid) for name, pid in pids.items() if pathlib.Path(f"/proc/{pid}").exists()}
        now = cluster.pids()
        wrong = [text for client in clients for text in client.wrong]
        report = {
            "tls": a.tls, "transport": a.transport, "rounds": a.rounds,
            "ports": [{"node": node, "port": port, "address": address, "kind": kind_of(cluster, port), "thrown": thrown.get((node, port), 0),
                       "shut": shut.get((node, port), 0)}
                      for node, address, port in ports],
            "growth_mib": {name: round(after[name] - before[name], 1) for name in after},
            "requests": sum(client.asked for client in clients), "wrong": wrong[:5], "wrong_count": len(wrong),
            "pids_changed": [name for name in pids if now.get(name) != pids[name]], "gone": gone,
        }
        report["ok"] = not (gone or wrong or report["pids_changed"] or any(grown > a.slack for grown in report["growth_mib"].values()))
        if not report["ok"]:
            report["log"] = cluster.log().splitlines()[-40:]
        return report
    finally:
        cluster.end()


def show(report):
    for port in report["ports"]:
        print(f"  {port['node']:8} {port['address']}:{port['port']:<6} {port['kind']:8} {port['thrown']:6} connections"
              + (f", {port['shut']} not let in" if port["shut"] else ""))
    print("  growth   " + ", ".join(f"{name} {grown:+.1f} MiB" for name, grown in report["growth_mib"].items()))
    print(f"  requests {report['requests']}, {report['wrong_count']} of them changed or failed; "
          f"processes that ended: {', '.join(report['pids_changed']) or 'none'}")
    for line in (*report["gone"], *report["wrong"], *report.get("log", ())):
        print("  " + line)
    print("ok" if report["ok"] else "CHANGED")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--troupe", default=str(ROOT / "build/troupe"))
    arguments.add_argument("--model", default=str(ROOT / "tools/demo_model/checkpoint"))
    arguments.add_argument("--transport", default="auto", choices=("auto", "shared_memory", "tcp"))
    arguments.add_argument("--tls", action="store_true")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--streams", type=int, default=2)
    arguments.add_argument("--tokens", type=int, default=48)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--only", nargs="*")
    arguments.add_argument("--ports", nargs="*", choices=("control", "http", "kv"))
    arguments.add_argument("--slack", type=float, default=8.0)
    arguments.add_argument("--json", action="store_true")
    a = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="troupe-noise-") as folder:
        report = run(a, folder)
    if a.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
