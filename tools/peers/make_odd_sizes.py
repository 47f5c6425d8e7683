"""Writes the fixtures of models whose patches do not divide their images.

    python tools/peers/make_odd_sizes.py packages/test-utils/fixtures/odd-sizes

`siglip/`: a random SiglipModel of transformers for images of 32 pixels with patches of 5, as it saves
itself. `open-clip/`: a random ViT of open_clip for 16 pixels with patches of 3. Each with what the original
computes: features, loss, and the gradient of every parameter. `open-clip/at-sizes.safetensors` holds the
image features of the same weights that open_clip loads into models for other sizes.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from check_interop import define_torchvision_operators

operators = define_torchvision_operators()

BATCH, WIDTH, VOCABULARY, CONTEXT = 3, 16, 40, 8
SIZES = (15, 17, 20, 26, 28)
out = Path(sys.argv[1])


def randomise(model):
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.startswith("logit_"):
                value.fill_(1.5 if name == "logit_scale" else -1.0)
            elif value.ndim < 2:
                value.add_(0.1 * torch.randn(value.shape))
            else:
                value.copy_(torch.randn(value.shape) * value[0].numel() ** -0.5)
    return model.eval()


def save(tensors, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().contiguous() for name, value in tensors.items()}, path)


def gradients_of(model, keys):
    named = dict(model.named_parameters())
    return {name: named[name].grad for name in keys if name in named}


def write_siglip():
    from transformers import SiglipConfig, SiglipModel

    stack = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    vision = {**stack, "image_size": 32, "patch_size": 5}
    text = {**stack, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "pad_token_id": 1}
    config = SiglipConfig(vision_config=vision, text_config={**text, "projection_size": WIDTH})
    config._attn_implementation = "eager"
    model = randomise(SiglipModel(config))
    folder = out / "siglip"
    model.save_pretrained(folder)
    inputs = {
        "pixel_values": torch.randn(BATCH, 3, 32, 32),
        "input_ids": torch.randint(2, VOCABULARY, (BATCH, CONTEXT)),
    }
    result = model(**inputs, return_loss=True)
    result.loss.backward()
    save(
        {
            "pixel_values": inputs["pixel_values"],
            "input_ids": inputs["input_ids"].int(),
            "image_embeds": result.image_embeds,
            "text_embeds": result.text_embeds,
            "logits_per_image": result.logits_per_image,
            "loss": result.loss.reshape(1),
        },
        folder / "io.safetensors",
    )
    save(gradients_of(model, load_file(folder / "model.safetensors")), folder / "grads.safetensors")


def open_clip_config(size):
    vision = {"image_size": size, "patch_size": 3, "layers": 2, "width": WIDTH, "head_width": 8, "mlp_ratio": 1.5}
    text = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": WIDTH, "heads": 2, "layers": 2}
    return {"embed_dim": 12, "vision_cfg": vision, "text_cfg": {**text, "mlp_ratio": 1.5}}


def write_open_clip():
    import open_clip
    from open_clip.loss import ClipLoss
    from open_clip.model import resize_pos_embed

    folder = out / "open-clip"
    model = randomise(open_clip.CLIP(**open_clip_config(16)))
    weights = {name: value for name, value in model.state_dict().items() if name != "attn_mask"}
    save(weights, folder / "open_clip_model.safetensors")
    config = {"model_cfg": open_clip_config(16), "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    ids = torch.randint(1, VOCABULARY - 1, (BATCH, CONTEXT))
    for row, end in enumerate((7, 3, 5)):
        ids[row, end], ids[row, end + 1 :] = VOCABULARY - 1, 0
    pixels = torch.randn(BATCH, 3, 16, 16)
    image, text, scale = model(pixels, ids)
    loss = ClipLoss()(image, text, scale)
    loss.backward()
    save(
        {
            "pixel_values": pixels,
            "input_ids": ids.int(),
            "image_embeds": image,
            "text_embeds": text,
            "loss": loss.reshape(1),
        },
        folder / "io.safetensors",
    )
    save(gradients_of(model, weights), folder / "grads.safetensors")
    others = {}
    for size in SIZES:
        other = open_clip.CLIP(**open_clip_config(size)).eval()
        state = dict(weights)
        resize_pos_embed(state, other)
        other.load_state_dict(state, strict=False)
        others[f"pixels{size}"] = torch.randn(2, 3, size, size)
        others[f"features{size}"] = other.encode_image(others[f"pixels{size}"], normalize=True)
    save(others, folder / "at-sizes.safetensors")


torch.manual_seed(0)
write_siglip()
write_open_clip()
