#!/usr/bin/env python3
"""Compare a running server's greedy answers with transformers in float32, token by token.

usage: compare_transformers.py CHECKPOINT_DIR [--url http://127.0.0.1:8000] [--prompts 20] [--max-tokens 64] [--model NAME] [--api-key KEY]
needs: torch and transformers from PyPI, and a server of the same checkpoint

Each prompt goes through /v1/chat/completions with temperature 0 and return_token_ids. transformers then reads prompt and answer in one
pass (float32, eager attention): its likeliest token at each place must be the server's, until the first place where its own two likeliest
are closer than 1e-3 and the server chose the other. The prompt's own ids must equal those of transformers' chat template. Exit code: 0 all
equal, 1 otherwise.
"""
import argparse
import json
import os
import sys
import urllib.error
import urllib.request

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

CLOSE = 1e-3
PROMPTS = [
    "What is the capital of France?",
    "Write a haiku about rain.",
    "Explain photosynthesis to a child of six.",
    "List the first ten prime numbers.",
    "Who wrote Pride and Prejudice, and when?",
    "Translate \"good morning, how are you?\" into Spanish.",
    "Write a Python function that reverses a string.",
    "What is 17 times 23? Show your work.",
    "Give me three tips for learning to play the piano.",
    "Tell me a short story about a lighthouse keeper.",
    "What is the difference between a virus and a bacterium?",
    "Summarise in one sentence: " + "The quick brown fox jumps over the lazy dog. " * 40,
    "Why is the sky blue?\nAnswer in two sentences.",
    "Schreibe einen Satz auf Deutsch über den Herbst.",
    "Name five animals 🐘🦊 that live in Africa.",
    "Write a polite e-mail that declines an invitation.",
    "def fibonacci(n):\n    # complete this function\n",
    "What should I cook with eggs, spinach and cheese?",
    "Compare cats and dogs as pets in a table.",
    "Continue: It is a truth universally acknowledged, that",
]


def ask(url, key, body):
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{url}: HTTP {error.code}: {error.read().decode(errors='replace')}")
    except OSError as error:
        sys.exit(f"{url}: {error}")


def served_model(url, key):
    request = urllib.request.Request(f"{url}/v1/models")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"][0]["id"]
    except OSError as error:
        sys.exit(f"{url}: {error}")


def compare(model, prompt, answer, stopped, end_tokens):
    """(number of equal tokens, why it ended there or None, whether that is a fault)"""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1:]
    for i, token in enumerate(answer):
        best = logits[i].topk(2)
        if int(best.indices[0]) == token:
            continue
        gap = float(best.values[0] - best.values[1])
        if gap < CLOSE and int(best.indices[1]) == token:
            return i, f"transformers' own two likeliest are {gap:.1e} apart", False
        return i, f"the server has {token}, transformers {int(best.indices[0])}, its two likeliest {gap:.4f} apart", True
    if stopped and (not answer or answer[-1] not in end_tokens):
        likeliest = int(logits[len(answer)].argmax())
        if likeliest not in end_tokens:
            return len(answer), f"the server stopped, transformers would go on with {likeliest}", True
    return len(answer), None, False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--prompts", type=int, default=len(PROMPTS))
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--model", help="the served model's name; default: the first that /v1/models lists")
    parser.add_argument("--api-key", default=os.environ.get("OPENAI_API_KEY"))
    a = parser.parse_args()
    torch.set_num_threads(1)
    name = a.model or served_model(a.url, a.api_key)
    tokenizer = AutoTokenizer.from_pretrained(a.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(a.checkpoint, dtype=torch.float32, attn_implementation="eager").eval()
    end_tokens = model.generation_config.eos_token_id
    end_tokens = set(end_tokens if isinstance(end_tokens, list) else [end_tokens])

    faults = compared = 0
    for number, text in enumerate(PROMPTS[:a.prompts], 1):
        messages = [{"role": "user", "content": text}]
        reply = ask(a.url, a.api_key, {"model": name, "messages": messages, "temperature": 0, "max_tokens": a.max_tokens,
                                       "return_token_ids": True})
        choice = reply["choices"][0]
        answer = choice.get("token_ids")
        if answer is None:
            sys.exit(f"{a.url}: the answer has no token_ids; the server does not honour return_token_ids")
        expected = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=True)["input_ids"]
        prompt = reply.get("prompt_token_ids") or choice.get("prompt_token_ids") or expected
        equal, why, fault = compare(model, prompt, answer, choice["finish_reason"] == "stop", end_tokens)
        if prompt != expected:
            why, fault = "the prompt's token ids differ from the chat template's in transformers", True
        faults += fault
        compared += equal
        print(f"{number:2}: {len(prompt):4} prompt tokens, {equal:3} of {len(answer):3} equal{': ' + why if why else ''}", flush=True)
    print(f"{min(a.prompts, len(PROMPTS)) - faults} of {min(a.prompts, len(PROMPTS))} prompts equal, {compared} tokens compared" + ("" if not faults else f"; {faults} DIFFER"))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
