#!/usr/bin/env python3
"""Make tests/golden/models/: tiny random checkpoints of odd shapes, and what transformers computes with them in float32.

usage: make_model_golden.py [OUT_DIR]      needs: torch, transformers, safetensors, numpy (PyPI)

Each case is a folder: a checkpoint as save_pretrained leaves it (some with config.json rewritten in the older spelling), golden.json
with the prompt, the greedy continuation and the layout, and logprobs.f32: log-softmax of the logits after each prompt token, [prompt][vocab].
"""
import json
import pathlib
import shutil
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import (AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config,
                          Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

MODELS = {"llama": (LlamaConfig, LlamaForCausalLM), "mistral": (MistralConfig, MistralForCausalLM),
          "qwen2": (Qwen2Config, Qwen2ForCausalLM), "qwen3": (Qwen3Config, Qwen3ForCausalLM)}
SMALL = dict(vocab_size=131, hidden_size=40, intermediate_size=52, num_hidden_layers=2, num_attention_heads=5, num_key_value_heads=1,
             head_dim=24, max_position_embeddings=256, initializer_range=0.25, eos_token_id=[7, 9], bos_token_id=1)

# name -> (family, weights' dtype, changes to SMALL, how it is written)
CASES = {
    "llama_plain_f32": ("llama", "float32", dict(), dict()),
    "llama_linear_bf16": ("llama", "bfloat16", dict(rope=dict(rope_type="linear", factor=3.0)), dict(old_spelling=True)),
    "llama_llama3_f16": ("llama", "float16", dict(rope=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)), dict()),
    "llama_yarn_bf16": ("llama", "bfloat16", dict(rope=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=32)), dict(old_spelling=True)),
    "llama_yarn_mscale_bf16": ("llama", "bfloat16", dict(rope=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=16.0, beta_slow=2.0, mscale=0.8,
        mscale_all_dim=0.5, truncate=False)), dict()),
    "llama_biases_tied_bf16": ("llama", "bfloat16", dict(
        attention_bias=True, mlp_bias=True, tie_word_embeddings=True, num_attention_heads=4, num_key_value_heads=2, head_dim=6),
        dict(shards=True)),
    "mistral_window_bf16": ("mistral", "bfloat16", dict(
        sliding_window=11, num_attention_heads=6, num_key_value_heads=3, head_dim=10, hidden_size=42), dict()),
    "mistral_plain_f16": ("mistral", "float16", dict(sliding_window=None, vocab_size=97), dict(shards=True)),
    "qwen2_tied_bf16": ("qwen2", "bfloat16", dict(
        tie_word_embeddings=True, num_attention_heads=5, num_key_value_heads=5, head_dim=8), dict(old_spelling=True)),
    "qwen2_window_yarn_f32": ("qwen2", "float32", dict(
        use_sliding_window=True, sliding_window=9, max_window_layers=1, num_attention_heads=4, num_key_value_heads=2, hidden_size=36,
        head_dim=9 * 2, intermediate_size=33, rope=dict(
            rope_type="yarn", factor=2.0, original_max_position_embeddings=64, attention_factor=1.3)), dict()),
    "qwen3_plain_bf16": ("qwen3", "bfloat16", dict(), dict(old_spelling=True)),
    "qwen3_biases_window_f32": ("qwen3", "float32", dict(
        attention_bias=True, use_sliding_window=True, sliding_window=5, layer_types=["sliding_attention", "full_attention"],
        num_attention_heads=3, num_key_value_heads=3, head_dim=14, hidden_size=31, intermediate_size=45, tie_word_embeddings=True), dict()),
    "qwen3_mixed_dtypes": ("qwen3", "bfloat16", dict(num_attention_heads=4, num_key_value_heads=2, head_dim=16), dict(mixed=True)),
}
PROMPT_TOKENS, NEW_TOKENS = 45, 24


def randomize(model, generator):
    """Norms and biases start as ones and zeros, which would hide mistakes with them."""
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.data = 1 + 0.3 * torch.randn(parameter.shape, generator=generator)
        elif name.endswith("bias"):
            parameter.data = 0.5 * torch.randn(parameter.shape, generator=generator)


def respell(path):
    """config.json as transformers 4 wrote it: rope_theta beside rope_scaling, torch_dtype."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    kind = rope.pop("rope_type")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **rope}
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2) + "\n")


def make(name, out):
    family, dtype, changes, written = CASES[name]
    config_class, model_class = MODELS[family]
    settings = {**SMALL, **changes}
    rope = settings.pop("rope", dict(rope_type="default"))
    settings["rope_parameters"] = {"rope_theta": 10000.0, **rope}
    for attempt in range(50):
        seed = sum(map(ord, name)) * 100 + attempt
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        model = model_class(config_class(**settings))
        randomize(model, generator)
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        model.to(getattr(torch, dtype)).save_pretrained(folder, **({"max_shard_size": "20KB"} if written.get("shards") else {}))
        if written.get("mixed"):
            weights = load_file(folder / "model.safetensors")
            for key, to in (("self_attn.k_proj", torch.float16), ("self_attn.v_proj", torch.float32), ("mlp.up_proj", torch.float32)):
                for tensor in weights:
                    if key in tensor:
                        weights[tensor] = weights[tensor].to(to)
            save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        prompt = torch.randint(0, settings["vocab_size"], (1, PROMPT_TOKENS), generator=generator)
        with torch.no_grad():
            logprobs = torch.log_softmax(reference(prompt).logits[0], -1)
            ids, closest = prompt, float("inf")
            for _ in range(NEW_TOKENS):
                logits = reference(ids, use_cache=False).logits[0, -1]
                best = logits.topk(2).values
                closest = min(closest, float(best[0] - best[1]))
                ids = torch.cat([ids, logits.argmax().view(1, 1)], 1)
        if closest > 0.02:  # far enough apart that float32's rounding cannot turn the answer
            break
    else:
        sys.exit(f"{name}: no seed gives a clear greedy continuation")
    if written.get("old_spelling"):
        respell(folder / "config.json")
    (folder / "golden.json").write_text(json.dumps(
        {"prompt": prompt[0].tolist(), "greedy": ids[0, PROMPT_TOKENS:].tolist(), "vocab": settings["vocab_size"],
         "made_by": "tests/golden/make_model_golden.py"}) + "\n")
    logprobs.numpy().astype(np.float32).tofile(folder / "logprobs.f32")
    print(f"{name}: seed {seed}, top two at least {closest:.3f} apart, "
          f"{sum(f.stat().st_size for f in folder.iterdir()) // 1024} KiB", flush=True)


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "models"
    torch.set_num_threads(1)
    for name in CASES:
        make(name, out)


if __name__ == "__main__":
    main()
