#!/usr/bin/env python3
"""Writes cluster_configs/profiles/splitwise.csv: the medians of Splitwise's published profile, at full precision.

usage: tools/experiments/splitwise_profile.py PERF_MODEL_CSV > cluster_configs/profiles/splitwise.csv

PERF_MODEL_CSV is data/perf_model.csv of the authors' simulator (MIT). Times become seconds before the median is taken, as their
simulator does it, so that the last bit is the same.
"""
import collections
import csv
import statistics
import sys

SWEEP_PROMPT = 512  # the prompt size at which the profile has batches from 1 to 64


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    curves = collections.defaultdict(list)
    with open(sys.argv[1], newline="") as file:
        for row in csv.DictReader(file):
            place = (row["model"], row["hardware"], int(row["tensor_parallel"]))
            prompt, batch = int(row["prompt_size"]), int(row["batch_size"])
            prompt_time, token_time = float(row["prompt_time"]) / 1000, float(row["token_time"]) / 1000
            curves[(*place, "prompt", prompt * batch)].append(prompt_time)
            curves[(*place, "token", prompt * batch)].append(token_time)
            if prompt == SWEEP_PROMPT:
                curves[(*place, "token_by_batch", batch)].append(token_time)
    print("# Medians of the profile that Splitwise's authors published with their simulator: splitwise-sim, data/perf_model.csv,")
    print("# MIT licence, Copyright (c) 2024 Pratyush Patel. Made by tools/experiments/splitwise_profile.py.")
    print("# x: prompt, token: prompt tokens times sequences; token_by_batch: sequences, each with 512 tokens of prompt.")
    print("model,hardware,tensor_parallel,curve,x,seconds")
    for key in sorted(curves):
        print(*key, repr(statistics.median(curves[key])), sep=",")


main()
