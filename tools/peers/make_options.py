"""Writes the fixtures of open_clip's options that no published model or only CLIPA has.

    python tools/peers/make_options.py packages/test-utils/fixtures/open-clip-options

One folder a variant: a small random CLIP of open_clip as it stores itself (`open_clip_config.json`,
`open_clip_model.safetensors`), and what it computes (`io.safetensors`): features, loss, and under "gradient:" the
gradient of every parameter. `clipa/at-sizes.safetensors` holds the image features of the same weights that open_clip
loads into models for images of two sides.
"""

import copy
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from check_interop import define_torchvision_operators

operators = define_torchvision_operators()

BATCH, WIDTH, VOCABULARY, CONTEXT = 3, 8, 24, 11
BASE = {
    "embed_dim": WIDTH,
    "vision_cfg": {"image_size": 12, "patch_size": 4, "layers": 2, "width": WIDTH, "head_width": 4, "mlp_ratio": 1.5},
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": VOCABULARY,
        "width": WIDTH,
        "heads": 2,
        "layers": 2,
        "mlp_ratio": 1.5,
    },
}
BLOCKS = {"qk_norm": True, "scale_heads": True, "scale_attn_inner": True, "scale_attn": True, "scale_fc": True}
QUERIES = {"attentional_pool": True, "attn_pooler_queries": 3, "attn_pooler_heads": 2}

# What differs in the vision config, in the text config, and in the whole.
VARIANTS = {
    "clipa": (
        {"no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True},
        {"pool_type": "last", "no_causal_mask": True},
        {},
    ),
    "blocks": (
        BLOCKS | {"ls_init_value": 0.5, "image_size": [9, 16], "patch_size": [3, 4], "pool_type": "avg"},
        BLOCKS | {"pool_type": "first", "no_causal_mask": True, "norm_kwargs": {"bias": False, "eps": 1e-3}},
        {},
    ),
    "queries": (QUERIES, {"norm_kwargs": {"elementwise_affine": False}, "proj_bias": True}, {"embed_dim": 6}),
    "queries-mean": (QUERIES | {"pool_type": "avg", "image_size": [13, 8]}, {"proj_type": "none"}, {}),
    "cascade": (QUERIES | {"attentional_pool": "cascade"}, {"pool_type": "eos", "eos_id": 5}, {"init_logit_bias": -2.0}),
}


def randomise(model):
    """Small random values in every tensor, those of biases and norms too."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.startswith("logit_"):
                value.fill_(1.5 if name == "logit_scale" else -1.0)
            elif value.ndim < 2 or name.endswith("head_scale"):
                value.add_(0.1 * torch.randn(value.shape))
            else:
                value.copy_(torch.randn(value.shape) * value[0].numel() ** -0.5)
    return model.eval()


def captions(text):
    ids = torch.randint(6, VOCABULARY - 1, (BATCH, CONTEXT))
    for row, end in enumerate((10, 2, 5)):
        ids[row, end], ids[row, end + 1 :] = text.get("eos_id", VOCABULARY - 1), 0
    return ids


def write(folder, vision, text, whole):
    import open_clip
    from open_clip.loss import ClipLoss, SigLipLoss

    config = copy.deepcopy(BASE) | whole
    config["vision_cfg"] |= vision
    config["text_cfg"] |= text
    model = randomise(open_clip.CLIP(**copy.deepcopy(config)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}, indent=2) + "\n")
    weights = {name: value.contiguous() for name, value in model.state_dict().items() if name != "attn_mask"}
    save_file(weights, folder / "open_clip_model.safetensors")
    size = config["vision_cfg"]["image_size"]
    height, width = size if isinstance(size, list) else (size, size)
    pixels, ids = torch.randn(BATCH, 3, height, width), captions(config["text_cfg"])
    image, words = model.encode_image(pixels), model.encode_text(ids)
    image = image[:, 0] if image.ndim == 3 else image  # the one query of a second pool
    image, words = (torch.nn.functional.normalize(side, dim=-1) for side in (image, words))
    scale, bias = model.logit_scale.exp(), model.logit_bias
    loss = ClipLoss()(image, words, scale) if bias is None else SigLipLoss()(image, words, scale, bias)
    loss.backward()
    stored = {
        "pixel_values": pixels,
        "input_ids": ids.int(),
        "image_embeds": image,
        "text_embeds": words,
        "loss": loss.reshape(1),
        **{f"gradient:{name}": value.grad for name, value in model.named_parameters()},
    }
    save_file({name: value.detach().contiguous() for name, value in stored.items()}, folder / "io.safetensors")


def write_sizes(folder):
    """Features of the stored weights at sizes that are no squares, positions interpolated as open_clip does."""
    import open_clip
    from open_clip.model import resize_pos_embed

    stored = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    found = {}
    for height, width in ((8, 20), (20, 13), (24, 16)):
        config = copy.deepcopy(stored)
        config["vision_cfg"]["image_size"] = [height, width]
        model = open_clip.CLIP(**config).eval()
        state = load_file(folder / "open_clip_model.safetensors")
        resize_pos_embed(state, model)
        model.load_state_dict(state, strict=False)
        pixels = torch.randn(2, 3, height, width)
        found[f"pixels {height}x{width}"] = pixels
        found[f"features {height}x{width}"] = model.encode_image(pixels, normalize=True)
    save_file({name: value.detach().contiguous() for name, value in found.items()}, folder / "at-sizes.safetensors")


torch.manual_seed(0)
for name, parts in VARIANTS.items():
    write(Path(sys.argv[1]) / name, *parts)
write_sizes(Path(sys.argv[1]) / "clipa")
