"""What the experiments with clusters share: processes, a cluster of them, streams, calls and their undisturbed answers.

Imported by the scripts beside it; nothing beyond Python. All processes die with the script that started them.
"""
import ctypes
import difflib
import http.client
import json
import lzma
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 60  # seconds for anything to come
MACHINES = (("p0", "prompt"), ("p1", "prompt"), ("t0", "token"), ("t1", "token"))  # one on each node but the front, of the same name
PORTS = (20000, 32000)  # below what the kernel gives to outgoing connections, which could take the port of a node that is away
FRESH = 0.75  # seconds after which what the status says of a machine is no older than the question (three heartbeats)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count, draw):
    ports = []
    while len(ports) < count:
        port = draw.randrange(*PORTS)
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Process:
    """One process of ours. What it says on stderr goes on in one file, also over restarts."""

    def __init__(self, name, command, folder):
        self.name, self.command = name, command
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        self.log_path.write_bytes(b"")
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log, open(self.log_path.with_suffix(".out"), "wb") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=log, preexec_fn=die_with_parent)

    def wait_for(self, words):
        """The first line on stdout with those words."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.log_path.with_suffix(".out").read_text().splitlines():
                if words in line:
                    return line
            time.sleep(0.02)
        sys.exit(f"{' '.join(self.command)}: did not start, exit code {self.process.poll()}\n{self.log_path.read_text()}")

    def log_size(self):
        return self.log_path.stat().st_size

    def events_since(self, position):
        with open(self.log_path, "rb") as log:
            log.seek(position)
            lines = log.read().decode(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def end(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Server:
    """Where calls go: `url` of something that answers them."""

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def find_model(self):
        self.model = self.get("/v1/models")["data"][0]["id"]


class OneProcess(Server):
    def __init__(self, a, folder):
        self.node = Process("serve", [a.troupe, "serve", a.model, "--port", "0"], folder)

    def start(self):
        self.url = self.node.wait_for("Listening on ").split()[2]
        self.find_model()

    def end(self):
        self.node.end(signal.SIGTERM)


class Cluster(Server):
    """Nodes on free ports: one or several that serve HTTP (`fronts`, the first of them routes, and with `routers` all), and one of its own
    for each of `machines` ((name, role), ...), of the same name. `link`: further keys of that section, after a comma."""

    def __init__(self, a, folder, draw, machines=MACHINES, fronts=("front",), routers=False, threads=1, link=""):
        ports = free_ports(2 * len(fronts) + len(machines), draw)
        self.machines = tuple(machines)
        self.gateways = {}
        lines = ["cluster: experiment", f"model: {{path: {json.dumps(str(pathlib.Path(a.model).resolve()))}}}",
                 f"link: {{transport: {a.transport}{link}}}", "log: {format: json}", "nodes:"]
        for place, name in enumerate(fronts):
            http_port = ports.pop()
            self.gateways[name] = f"http://127.0.0.1:{http_port}"
            router = "router: true, " if place == 0 or routers else ""
            lines.append(f"  - {{name: {name}, control_port: {ports.pop()}, {router}http: {{port: {http_port}}}}}")
        for name, role in self.machines:
            machine = f"{{name: {name}, role: {role}, device: {{threads: {threads}, kv_memory: {a.kv_memory}}}}}"
            lines.append(f"  - {{name: {name}, control_port: {ports.pop()}, machines: [{machine}]}}")
        file = pathlib.Path(folder) / "cluster.yaml"
        file.write_text("\n".join(lines) + "\n")
        self.start_nodes(a, folder, file)

    def start_nodes(self, a, folder, file, flags=()):
        self.file = file
        told = json.loads(subprocess.run([a.troupe, "check", str(file), "--json"], stdout=subprocess.PIPE, check=True).stdout)
        self.nodes = {}
        for node in told["nodes"]:
            name = node["name"]
            self.nodes[name] = Process(name, [a.troupe, "node", "--config", str(file), "--name", name, *flags], folder)

    @classmethod
    def of_file(cls, a, folder, flags=()):
        """The cluster of a file that exists; `flags` for each of its nodes."""
        told = json.loads(subprocess.run([a.troupe, "check", a.config, "--json"], stdout=subprocess.PIPE, check=True).stdout)
        cluster = cls.__new__(cls)
        cluster.machines = tuple((machine["name"], machine["role"]) for node in told["nodes"] for machine in node["machines"])
        cluster.gateways = {node["name"]: node["url"] for node in told["nodes"] if node["url"]}
        cluster.start_nodes(a, folder, pathlib.Path(a.config), flags)
        return cluster

    @property
    def url(self):
        """Of the first node with HTTP whose process lives; calls that may not fail use all of `gateways`."""
        for name, url in self.gateways.items():
            if self.nodes[name].process.poll() is None:
                return url
        return next(iter(self.gateways.values()))

    def start(self, settle):
        for node in self.nodes.values():
            node.wait_for("is up")
        self.find_model()
        wait_until(self.all_ready)
        state = self.settled(settle)
        if state is not None:
            sys.exit(f"The nodes do not meet:\n{state}\n{self.last_words()}")

    def all_ready(self):
        try:
            for url in self.gateways.values():
                urllib.request.urlopen(url + "/readyz", timeout=PATIENCE).close()
            return True
        except OSError:
            return False

    def settled(self, patience, busy=False):
        """None once all nodes are connected under their present pids and all blocks free (with `busy`: whatever they do); else what was said last."""
        begin = time.monotonic()
        while True:
            try:
                status, why_not = self.get("/troupe/status"), []
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() - begin > patience:
                    return f"the front does not answer: {error!r}"
                time.sleep(0.05)
                continue
            nodes = {node["name"]: node for node in status["nodes"]}
            for name, node in self.nodes.items():
                seen = nodes.get(name, {"state": "unknown", "pid": 0})
                if seen["state"] not in ("serving", "connected") or seen["pid"] != node.process.pid:
                    why_not.append(f"node {name} (pid {node.process.pid}): {seen}")
            machines = {machine["name"]: machine for machine in status["machines"]}
            for name, _ in self.machines:
                machine = machines.get(name)
                if busy and machine is not None:
                    continue
                if machine is None or machine["running"] or machine["waiting"] or not 0 < machine["blocks"]["total"] == machine["blocks"]["free"]:
                    why_not.append(f"machine {name}: {machine}")
            waited = time.monotonic() - begin
            if not why_not and waited > FRESH:
                return None
            if waited > max(patience, FRESH):
                return "\n".join(why_not)
            time.sleep(0.05)

    def ended_by_themselves(self):
        return [f"{name}: exit code {node.process.returncode}" for name, node in self.nodes.items() if node.process.poll() is not None]

    def last_words(self, lines=8):
        return "\n".join(f"--- {name}\n" + "\n".join(node.log_path.read_text(errors="replace").splitlines()[-lines:])
                         for name, node in self.nodes.items())

    def end(self):
        for node in self.nodes.values():
            node.end()


class Stream(threading.Thread):
    """One streamed completion: what came, and when."""

    def __init__(self, server, call, name):
        super().__init__(daemon=True)
        self.server, self.call, self.name_of_request = server, call, name
        self.times, self.lines, self.error, self.ended = [], [], None, False
        self.began = time.monotonic()
        self.start()

    def run(self):
        try:
            self.receive()
        except (OSError, http.client.HTTPException) as error:
            self.error = repr(error)
        self.ended = True

    def receive(self):
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=PATIENCE)
        body = json.dumps(dict(self.call, model=self.server.model, stream=True, return_token_ids=True, ignore_eos=True))
        connection.request("POST", "/v1/completions", body, {"content-type": "application/json", "x-request-id": self.name_of_request})
        answer = connection.getresponse()
        if answer.status != 200:
            self.error = f"HTTP {answer.status}: {answer.read().decode(errors='replace')[:300]}"
            return
        # Parsed when all is over: this process shares its cores with the cluster.
        while line := answer.readline():
            if line.startswith(b"data: "):
                self.lines.append(line)
                if not line.endswith(b'"token_ids":[]}]}\n'):
                    self.times.append(time.monotonic())
        connection.close()

    def result(self):
        """(ids, text, error or None), and the time of each id in id_times."""
        ids, text, reason, error = [], "", None, self.error
        for line in self.lines:
            data = line[len(b"data: "):].strip()
            if data == b"[DONE]":
                continue
            event = json.loads(data)
            if "error" in event:
                error = event["error"].get("message", str(event["error"]))
                continue
            choice = event["choices"][0]
            ids += choice["token_ids"]
            text += choice["text"]
            reason = choice["finish_reason"] or reason
        if error is None and (reason != "length" or not self.lines[-1].startswith(b"data: [DONE]")):
            error = f"ended by {reason}, {len(ids)} tokens"
        return ids, text, error


def difference(right, ids):
    """How many tokens were (lost, repeated, changed)."""
    lost = repeated = changed = 0
    for what, a0, a1, b0, b1 in difflib.SequenceMatcher(None, right, ids, autojunk=False).get_opcodes():
        if what == "delete":
            lost += a1 - a0
        elif what == "insert":
            repeated += b1 - b0
        elif what == "replace":
            changed += max(a1 - a0, b1 - b0)
    return lost, repeated, changed


def wait_until(condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def make_calls(server, a):
    """{"short": [...], "long": [...]}: prompts are pieces of a book; every second call is sampled, with a seed."""
    draw = random.Random(f"calls {a.seed}")
    book = lzma.open(ROOT / "tools" / "demo_model" / "austen.txt.xz", "rt").read(100000)
    tokens = server.post("/tokenize", {"model": server.model, "prompt": book})["tokens"]

    def call(number, length):
        start = draw.randrange(len(tokens) - length)
        sampling = {"temperature": 0.8, "seed": draw.randrange(1 << 30)} if number % 2 else {"temperature": 0}
        return {"prompt": tokens[start:start + length], "max_tokens": a.tokens, **sampling}

    return {"short": [call(i, draw.randint(5, 200)) for i in range(a.calls)],
            "long": [call(i, draw.randint(a.long_prompt * 4 // 5, a.long_prompt)) for i in range(a.calls)]}


def ask_all(server, calls, at_once, label):
    """[(ids, text)] of all calls in order, and the longest time to a first token."""
    answers, longest = [], 0
    for first in range(0, len(calls), at_once):
        begin = time.monotonic()
        streams = [Stream(server, call, f"{label}-{first + i}") for i, call in enumerate(calls[first:first + at_once])]
        for stream in streams:
            stream.join()
            ids, text, error = stream.result()
            if error is not None:
                sys.exit(f"{label}, undisturbed: {error}")
            answers.append((ids, text))
            longest = max(longest, stream.times[0] - begin)
    return answers, longest


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))] if values else None


def show(value):
    return "-" if value is None else f"{value:.0f}"
