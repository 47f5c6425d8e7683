"""Asks transformers to load strictly what `clip-ts convert --to hf` makes of every small model of its own types.

    pnpm build && python tools/peers/check_written.py [NAME ...]

The models are those of packages/test-utils/fixtures that transformers has made. Each is converted twice: as it is, and
with whole numbers in its config wherever transformers wants fractions. No tensor may be missing or unexpected, and
embeddings and logits must be those of the original, within 1e-5 of the largest. Exits with 1 if one is not.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

from check_interop import REPOSITORY, clip_ts, define_torchvision_operators
from full_size_models import strictly

FIXTURES = REPOSITORY / "packages" / "test-utils" / "fixtures"
NAMES = ("dinov2", "dinov2-registers", "deit", "swin", "align", "naflex", "siglip", "dual-encoder")
NAMES += tuple(f"text-towers/{name}" for name in ("bert", "chinese-clip", "metaclip-2", "altclip"))
WHOLE = {"initializer_range": 1, "logit_scale_init_value": 4, "layerscale_value": 2, "temperature_init_value": 3}


def with_wholes(folder, out):
    """A copy of a model whose config has whole numbers where it has any of these."""
    shutil.copytree(folder, out)
    config = json.loads((folder / "config.json").read_text())
    for section in (config, config["text_config"], config["vision_config"]):
        section.update({key: WHOLE[key] for key in WHOLE.keys() & section.keys()})
    (out / "config.json").write_text(json.dumps(config))
    return out


def worst(folder, given, out):
    from transformers import AutoModel

    clip_ts("convert", folder, out, "--to", "hf", "--self-check", "off")
    inputs = {key: value if value.is_floating_point() else value.long() for key, value in given.items()}
    names = ("pixel_values", "input_ids", "attention_mask", "pixel_attention_mask", "spatial_shapes")
    found = strictly(AutoModel, out)(**{name: inputs[name] for name in names if name in inputs})
    values = [(getattr(found, name), given[name]) for name in ("image_embeds", "text_embeds", "logits_per_image") if name in given]
    return max(((ours - theirs).abs().max() / theirs.abs().max()).item() for ours, theirs in values)


def main():
    failed = False
    for name in sys.argv[1:] or NAMES:
        given = load_file(FIXTURES / name / "io.safetensors")
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            work = Path(folder)
            places = {"as it is": FIXTURES / name, "whole numbers": with_wholes(FIXTURES / name, work / "whole")}
            for at, (label, place) in enumerate(places.items()):
                figure = worst(place, given, work / f"hf-{at}")
                failed |= not figure < 1e-5
                print(f"{name + ', ' + label:<40}{figure:>10.1e}  {'ok' if figure < 1e-5 else 'TOO FAR'}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    keep = define_torchvision_operators()
    main()
