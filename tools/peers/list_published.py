"""Writes what timm, open_clip and transformers publish: the list of models by name, and what tests hold tables against.

    python tools/peers/list_published.py

Into packages/model/src/published/generated go the weights of open_clip's `pretrained.py` with their architectures, and
the checkpoints that transformers' configuration classes name (published_models.py). Fixtures of the presets:
`timm-siglip.json`: what timm builds under every name of SigLIP's vision transformers, each made without
memory: [width, layers, heads, hidden, patch, image, activation]. `open-clip-models.json`: open_clip's own model
configs by name.
"""

import json
from pathlib import Path

import torch

from check_interop import REPOSITORY, define_torchvision_operators
from published_models import write_published

FIXTURES = REPOSITORY / "packages" / "model" / "src" / "presets" / "fixtures"
ACTIVATIONS = {"GELU": "gelu", "GELUTanh": "gelu_pytorch_tanh"}


def siglip_facts(name):
    import timm

    with torch.device("meta"):
        model = timm.create_model(name, global_pool="map", num_classes=0)
    block, patches = model.blocks[0], model.patch_embed
    activations = {type(part.mlp.act).__name__ for part in [*model.blocks, model.attn_pool]}
    (activation,) = activations  # the same everywhere
    sizes = [model.embed_dim, len(model.blocks), block.attn.num_heads, block.mlp.fc1.out_features]
    return [*sizes, patches.patch_size[0], patches.img_size[0], ACTIVATIONS[activation]]


def write(path: Path, content):
    """One entry a line."""
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    import open_clip
    import timm

    FIXTURES.mkdir(exist_ok=True)
    names = timm.list_models("vit_*_siglip_*")
    write(FIXTURES / "timm-siglip.json", {name: siglip_facts(name) for name in names})
    configs = {name: open_clip.get_model_config(name) for name in sorted(open_clip.list_models())}
    write(FIXTURES / "open-clip-models.json", configs)
    write_published()


if __name__ == "__main__":
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    main()
