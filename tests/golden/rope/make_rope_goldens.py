"""Writes angles.txt: what transformers' LlamaRotaryEmbedding gives for each kind of scaling.

Each line is one scaling and position: name, attention factor, position, then the inverse
frequencies, the cosines and the sines of one head (32 dimensions, so 16 of each), numbers as C hex
floats. Run with /work/venv/hf/bin/python; transformers' version is in the head line.
"""

import pathlib

import torch
import transformers
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

SCALINGS = {
    "plain": {"rope_type": "default", "rope_theta": 10000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
    "llama3": {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
    "yarn": {
        "rope_type": "yarn",
        "rope_theta": 1000000.0,
        "factor": 4.0,
        "original_max_position_embeddings": 32768,
    },
}
POSITIONS = [0, 1, 100, 8191, 131071]


def main():
    lines = [f"# transformers {transformers.__version__}"]
    for name, parameters in SCALINGS.items():
        config = LlamaConfig(
            hidden_size=64,
            num_attention_heads=2,
            head_dim=32,
            max_position_embeddings=131072,
            rope_parameters=parameters,
        )
        rotary = LlamaRotaryEmbedding(config)
        cos, sin = rotary(torch.zeros(1), torch.tensor([POSITIONS]))
        for row, position in enumerate(POSITIONS):
            numbers = [float(rotary.attention_scaling).hex(), str(position)]
            for tensor in (rotary.inv_freq, cos[0, row, :16], sin[0, row, :16]):
                numbers += [value.hex() for value in tensor.tolist()]
            lines.append(" ".join([name] + numbers))
    pathlib.Path(__file__).with_name("angles.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
