"""Writes the fixture of SigLIP 2 NaFlex: a small model, its features, loss and gradients.

    python tools/peers/make_naflex.py packages/test-utils/fixtures/naflex packages/image/src/fixtures/naflex.json

A random Siglip2Model of transformers as it saves itself, every tensor of it other than zero, with four
pictures of different grids (one of them fills the longest row), captions, and what the original computes. The
second file has pictures with the bytes that transformers makes of them, and sizes for pictures of any shape.
"""

import base64
import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from check_interop import define_torchvision_operators

operators = define_torchvision_operators()

from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

out, pictures_file = Path(sys.argv[1]), Path(sys.argv[2])
patch, places, longest = 4, 16, 18
stack = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
vision = {**stack, "patch_size": patch, "num_patches": places}
text = {
    **stack,
    "vocab_size": 48,
    "max_position_embeddings": 8,
    "projection_size": 24,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 1,
}

torch.manual_seed(0)
model = Siglip2Model(Siglip2Config(vision_config=vision, text_config=text)).eval()
with torch.no_grad():
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape)
        value.copy_(value + 0.1 * noise if value.ndim < 2 else noise * value[0].numel() ** -0.5)
    model.vision_model.embeddings.position_embedding.weight.copy_(torch.randn(places, 24) * 0.5)
    model.logit_scale.fill_(1.5)
    model.logit_bias.fill_(-1.0)

grids = torch.tensor([[4, 4], [2, 7], [6, 3], [1, 5]])
pixels = torch.zeros(len(grids), longest, 3 * patch * patch)
mask = torch.zeros(len(grids), longest, dtype=torch.int64)
for row, (height, width) in enumerate(grids.tolist()):
    pixels[row, : height * width] = torch.randn(height * width, 3 * patch * patch)
    mask[row, : height * width] = 1
ids = torch.randint(3, 48, (len(grids), 8))
for row, end in enumerate((7, 4, 5, 2)):
    ids[row, end], ids[row, end + 1 :] = 1, 0
inputs = {"pixel_values": pixels, "pixel_attention_mask": mask, "spatial_shapes": grids, "input_ids": ids}
result = model(**inputs, return_loss=True)
result.loss.backward()

model.save_pretrained(out)
Siglip2ImageProcessorPil(patch_size=patch, max_num_patches=longest).save_pretrained(out)
save_file({name: value.grad.contiguous() for name, value in model.named_parameters()}, out / "grads.safetensors")
outputs = {
    "image_embeds": result.image_embeds,
    "text_embeds": result.text_embeds,
    "logits_per_image": result.logits_per_image,
    "loss": result.loss,
    "last_hidden": result.vision_model_output.last_hidden_state,
}
# Pictures, and what transformers' two image processors make of them; sizes for pictures of any shape.
from transformers import Siglip2ImageProcessor
from transformers.models.siglip2.image_processing_siglip2 import get_image_size_for_max_num_patches

noise = np.random.default_rng(0)
pillow = Siglip2ImageProcessorPil(patch_size=patch, max_num_patches=longest)
torchvision = Siglip2ImageProcessor(patch_size=patch, max_num_patches=longest)
pictures, embeds, differ, largest = [], [], 0, 0
for width, height in [(40, 30), (13, 57), (5, 5), (100, 3), (16, 16), (31, 90), (1, 1), (200, 1)]:
    low = noise.integers(0, 256, (max(1, height // 5), max(1, width // 5), 3), dtype=np.uint8)
    picture = np.asarray(np.kron(low, np.ones((6, 6, 1), dtype=np.uint8))[:height, :width])
    if picture.shape[:2] != (height, width):
        picture = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = np.clip(picture.astype(int) + noise.integers(-9, 10, picture.shape), 0, 255).astype(np.uint8)
    image = Image.fromarray(picture)
    made = pillow(image, return_tensors="pt")
    other = torchvision(image, return_tensors="pt")
    steps = ((made["pixel_values"] - other["pixel_values"]) * 127.5).round().abs()
    differ, largest = differ + int((steps > 0).sum()), max(largest, int(steps.max()))
    with torch.no_grad():
        embeds.append(torch.nn.functional.normalize(model.get_image_features(**made).pooler_output))
    shape = made["spatial_shapes"][0].tolist()
    count = shape[0] * shape[1]
    assert made["pixel_attention_mask"][0].tolist() == [1] * count + [0] * (longest - count)
    values = made["pixel_values"][0, :count].double()
    levels = (127.5 * (values + 1)).round()
    assert (values - (levels / 127.5 - 1)).abs().max() < 1e-7
    encoded = (base64.b64encode(bytes_).decode() for bytes_ in (picture.tobytes(), levels.byte().numpy().tobytes()))
    pictures.append([width, height, next(encoded), shape, next(encoded)])
outputs["picture_embeds"] = torch.cat(embeds)
inputs = {name: value.int() if value.dtype == torch.int64 else value for name, value in inputs.items()}
save_file({**inputs, **{name: value.detach().contiguous() for name, value in outputs.items()}}, out / "io.safetensors")
print(f"torchvision's processor differs from Pillow's in {differ} bytes, by {largest} of 255 at most")

random.seed(0)
sizes = []
for _ in range(1000):
    height, width = (int(2 ** random.uniform(0, 13)) for _ in range(2))
    size, most = random.choice([14, 16, 32]), random.choice([1, 9, 64, 256, 576, 784, 1024])
    sizes.append([height, width, size, most, *get_image_size_for_max_num_patches(height, width, size, most)])
content = {"pictures": pictures, "sizes": sizes}
pictures_file.write_text(json.dumps(content, separators=(",", ":")) + "\n")
