"""Runs of `troupe simulate` for the experiments with Splitwise's clusters: one cluster, one trace's lengths, one rate, and whether all nine
SLOs held.

Owns: the processes, and a file of what was run, so that a search that was interrupted goes on where it stopped. Promises: the same question
is run once.
"""
import dataclasses
import json
import math
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRACES = {"conversation": "AzureLLMInferenceTrace_conv.csv", "coding": "AzureLLMInferenceTrace_code.csv"}
METRICS = ("ttft", "tbt", "e2e")
EXACT = "splitwise_sim"
DRAWN_IN = 0.5  # machines: less is a moment's overflow


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run came to: of each metric the largest slowdown over its limit, which holds below 1; and how many machines were drawn out of
    their pool, on the mean over the run."""
    ttft: float
    tbt: float
    e2e: float
    drawn_to_prompts: float = 0
    drawn_to_tokens: float = 0

    @property
    def holds(self):
        return max(self.ttft, self.tbt, self.e2e) < 1

    @property
    def prompts_short(self):
        """Where it does not hold: whether it is the prompt pool that has too few machines, or else the token pool.

        The pool that draws machines in is the short one: prompts that overflow make decodes late, and so the late metric does not tell."""
        if max(self.drawn_to_prompts, self.drawn_to_tokens) >= DRAWN_IN:
            return self.drawn_to_prompts > self.drawn_to_tokens
        return self.ttft > self.tbt


class Runs:
    def __init__(self, options):
        self.options = options
        self.made = 0
        self.known = {}
        if options.remember and options.remember.exists():
            for line in options.remember.read_text().splitlines():
                key, figures = json.loads(line)
                self.known[key] = Verdict(*(math.inf if each is None else each for each in figures))

    def policy_of(self, machines):
        """Machines that are all mixed are a baseline: no phases to split."""
        policy = self.options.policy
        return self.options.baseline_policy if policy != EXACT and machines.startswith("mixed:") and "," not in machines else policy

    def judge(self, machines, trace, rate):
        options = self.options
        policy = self.policy_of(machines)
        command = ["simulate", "--machines", machines, "--model", options.model, "--policy", policy, "--rate", f"{rate:g}",
                   "--duration", f"{options.duration:g}", "--seed", str(options.seed)]
        if options.hardware:
            command += ["--hardware", options.hardware]
        if options.performance_model:
            command += ["--performance-model", options.performance_model]
        if policy != EXACT:
            for setting in options.set:
                command += ["--set", setting]
        key = f"{trace}: " + " ".join(command)
        if key not in self.known:
            self.known[key] = self.play(command + ["--lengths", str(options.traces / TRACES[trace]), "--quiet"])
            self.remember(key)
        return self.known[key]

    def play(self, command):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            subprocess.run([self.options.troupe, *command, "--json", out.name], check=True)
            summary = json.load(out)
        slo = summary["slo"]
        self.made += 1
        if slo is None:
            raise SystemExit(f"splitwise: the profile has no DGX-A100 figures of {self.options.model}, over which slowdowns are counted")
        ratios = {metric: 0.0 for metric in METRICS}
        for check in slo["checks"]:
            ratio = math.inf if check["slowdown"] is None else check["slowdown"] / check["limit"]
            ratios[check["metric"]] = max(ratios[check["metric"]], ratio)
        drawn = {role: sum(each["machines"] * each["mixed_pool"] for each in summary["roles"] if each["role"] == role)
                 for role in ("prompt", "token")}
        return Verdict(**ratios, drawn_to_prompts=drawn["token"], drawn_to_tokens=drawn["prompt"])

    def remember(self, key):
        if not self.options.remember:
            return
        figures = [None if math.isinf(each) else each for each in dataclasses.astuple(self.known[key])]
        with open(self.options.remember, "a") as file:
            file.write(json.dumps([key, figures]) + "\n")
