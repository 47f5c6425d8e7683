"""Checks that what clip-ts writes for other libraries is what they read: names, shapes, values, features.

    python tools/peers/check_layouts.py [LAYOUT ...]

clip-ts makes a model of random weights at full size and converts it; the library loads the result
strictly, so that a missing or an unexpected tensor is an error, and computes features, which are
compared with those of `clip-ts forward`. Nothing is downloaded. Prints one line a comparison, and
exits with 1 if one is 1e-4 or more.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from check_families import LIMIT, forward, pixels, randomise, roberta_ids, unit
from check_interop import REPOSITORY, Report, clip_ts, define_torchvision_operators

MAKE_MODEL = """
import { initClip, preset } from "@clip-ts/model";
import { clipPreprocess } from "@clip-ts/image";
import { startEngine, writeModel } from "@clip-ts/node";
const [name, folder] = process.argv.slice(1);
await startEngine("wasm");
const config = preset(name);
const preprocess = clipPreprocess(config.vision.imageSize);
await writeModel(folder, { config, preprocess }, initClip(config, 1));
"""


def make_model(preset, folder):
    """A folder with a model of random weights, biases included, of one of clip-ts's presets."""
    words = ["node", "--input-type=module", "-e", MAKE_MODEL, preset, str(folder)]
    subprocess.run(words, cwd=REPOSITORY / "apps" / "trainer", check=True, capture_output=True)
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(0)
    weights = load_file(folder / "model.safetensors")
    for name, value in weights.items():
        if value.ndim == 1 and not name.startswith("logit"):
            value.add_(0.05 * torch.randn(value.shape, generator=generator))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return weights


def expect(condition, message):
    if not condition:
        sys.exit(message)


def torchvision(report, work):
    from torchvision.models import vit_b_32

    weights = make_model("ViT-B-32-roberta", work / "model")
    inputs = {"pixel_values": pixels(224), "input_ids": roberta_ids(50265, 40)}
    ours = forward(work / "model", inputs, work)
    clip_ts("convert", work / "model", work / "out", "--to", "torchvision")
    model = vit_b_32()
    model.heads = torch.nn.Identity()
    model.load_state_dict(load_file(work / "out" / "model.safetensors"), strict=True)
    with torch.no_grad():
        features = model.eval()(inputs["pixel_values"]) @ weights["visual_projection.weight"].T
    report.compare("torchvision vit_b_32: image embeddings", ours["image_embeds"], unit(features), LIMIT)


def roberta(report, work):
    from transformers import RobertaModel

    weights = make_model("ViT-B-32-roberta", work / "model")
    ids = roberta_ids(50265, 40)
    mask = (ids != 1).long()
    inputs = {"pixel_values": pixels(224), "input_ids": ids, "attention_mask": mask}
    ours = forward(work / "model", inputs, work)
    clip_ts("convert", work / "model", work / "out", "--to", "roberta")
    model, info = RobertaModel.from_pretrained(work / "out", output_loading_info=True)
    missing = {name for name in info["missing_keys"] if not name.startswith("pooler.")}
    expect(not missing and not info["unexpected_keys"], f"RobertaModel: {info}")
    with torch.no_grad():
        first = model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
    features = first @ weights["text_projection.weight"].T
    report.compare("transformers RobertaModel: text embeddings", ours["text_embeds"], unit(features), LIMIT)


class ReadKeys(dict):
    """Remembers which arrays were asked for."""

    def __init__(self, arrays):
        super().__init__(arrays)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)


def big_vision(report, work):
    """open_clip's own reader of big_vision's checkpoints makes the tensors that clip-ts writes for it."""
    import open_clip
    from open_clip.convert import load_big_vision_weights
    from unittest import mock

    make_model("ViT-B-16-SigLIP", work / "model")
    clip_ts("convert", work / "model", work / "out", "--to", "big_vision")
    clip_ts("convert", work / "model", work / "open_clip", "--to", "openai")
    config = open_clip.get_model_config("ViT-B-16-SigLIP")
    config.pop("custom_text", None)
    model = randomise(open_clip.CustomTextCLIP(**config))
    arrays = ReadKeys(np.load(work / "out" / "model.npz"))
    with mock.patch.object(np, "load", lambda _: arrays):
        load_big_vision_weights(model, str(work / "out" / "model.npz"))
    unread = set(arrays) - arrays.read
    expect(not unread, f"open_clip does not know {sorted(unread)[:5]}")
    ours = load_file(work / "open_clip" / "model.safetensors")
    theirs = model.state_dict()
    expect(ours.keys() == theirs.keys(), f"names differ: {sorted(ours.keys() ^ theirs.keys())[:5]}")
    differing = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    expect(not differing, f"values differ: {differing[:5]}")
    print(f"open_clip's reader of big_vision: {len(arrays)} arrays, {len(ours)} tensors, all equal")


def dual_encoder(vision_type):
    def check(report, work):
        import transformers

        text = transformers.RobertaConfig(
            vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
        )
        config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
            getattr(transformers, vision_type)(patch_size=32), text, projection_dim=512
        )
        peer = randomise(transformers.VisionTextDualEncoderModel(config))
        peer.save_pretrained(work / "peer")
        ids = roberta_ids(50265, 40)
        inputs = {"pixel_values": pixels(224), "input_ids": ids, "attention_mask": (ids != 1).long()}
        with torch.no_grad():
            expected = peer(**inputs)
        label = f"dual encoder, {vision_type.removesuffix('Config')} + RoBERTa"
        ours = forward(work / "peer", inputs, work)
        report.compare(f"{label}: image embeddings", ours["image_embeds"], expected.image_embeds, LIMIT)
        report.compare(f"{label}: text embeddings", ours["text_embeds"], expected.text_embeds, LIMIT)
        clip_ts("convert", work / "peer", work / "back", "--to", "hf")
        model, info = transformers.VisionTextDualEncoderModel.from_pretrained(
            work / "back", output_loading_info=True
        )
        expect(not info["missing_keys"] and not info["unexpected_keys"], f"{label}: {info}")
        with torch.no_grad():
            back = model.eval()(**inputs)
        report.compare(f"{label}, back: image", back.image_embeds, expected.image_embeds, LIMIT)
        report.compare(f"{label}, back: text", back.text_embeds, expected.text_embeds, LIMIT)

    return check


LAYOUTS = {
    "torchvision": torchvision,
    "roberta": roberta,
    "big_vision": big_vision,
    "dual-encoder-clip": dual_encoder("CLIPVisionConfig"),
    "dual-encoder-vit": dual_encoder("ViTConfig"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("layouts", nargs="*", metavar="LAYOUT", help=", ".join(LAYOUTS))
    options = parser.parse_args()
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    report = Report()
    for name in options.layouts or LAYOUTS:
        with tempfile.TemporaryDirectory() as temporary:
            LAYOUTS[name](report, Path(temporary))
    del keep
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
