"""Writes the fixtures of towers that stand alone with their projections.

    python tools/peers/make_projected_towers.py packages/test-utils/fixtures/projected-towers

Random models of transformers' CLIPVisionModelWithProjection and CLIPTextModelWithProjection as they save
themselves, with inputs and what the originals compute of them.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from check_interop import define_torchvision_operators

operators = define_torchvision_operators()

from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

out = Path(sys.argv[1])
stack = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 12,
    "hidden_act": "gelu",
}


def write(folder, model, inputs, embeds):
    with torch.no_grad():
        for value in model.parameters():
            noise = torch.randn(value.shape)
            value.copy_(value + 0.1 * noise if value.ndim < 2 else noise * value[0].numel() ** -0.5)
        result = model.eval()(**inputs)
    model.save_pretrained(folder)
    inputs = {name: value.int() if value.dtype == torch.int64 else value for name, value in inputs.items()}
    outputs = {"embeds": result[embeds].contiguous(), "last_hidden": result.last_hidden_state.contiguous()}
    save_file({**inputs, **outputs}, folder / "io.safetensors")


torch.manual_seed(0)
vision = CLIPVisionConfig(image_size=16, patch_size=4, **stack)
pixels = {"pixel_values": torch.randn(2, 3, 16, 16)}
write(out / "vision", CLIPVisionModelWithProjection(vision), pixels, "image_embeds")

special = {"bos_token_id": 38, "eos_token_id": 39, "pad_token_id": 0}
text = CLIPTextConfig(vocab_size=40, max_position_embeddings=8, **special, **stack)
ids = torch.randint(1, 38, (2, 8))
for row, end in enumerate((7, 4)):
    ids[row, 0], ids[row, end], ids[row, end + 1 :] = 38, 39, 0
write(out / "text", CLIPTextModelWithProjection(text), {"input_ids": ids}, "text_embeds")
