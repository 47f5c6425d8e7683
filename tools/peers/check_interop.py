"""Checks that a model converted by clip-ts is the same model in transformers and open_clip.

    python tools/peers/check_interop.py MODEL

Converts MODEL with clip-ts to both name schemes, runs the same random inputs through clip-ts,
transformers and open_clip, and compares embeddings, logits and loss; then the pixels that each makes
of drawn images and, where the folder has a tokenizer, its ids. Prints one line a comparison, the
largest difference relative to the largest value, and exits with 1 if one is too far off.
"""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP_TS = ["node", str(REPOSITORY / "apps" / "trainer" / "bin" / "clip-ts.js")]

CAPTIONS = [
    "a photo of a cat",
    "Two dogs, running on the beach at 6 o'clock!",
    "ein Bär auf dem Eis",
    "a",
    "snow-capped mountains behind a lake, a very long caption that does not fit a short context "
    "and therefore has to be cut somewhere in the middle of it without losing its end",
]


@functools.cache
def define_torchvision_operators():
    """torchvision's Python part can be used without its compiled part once these names exist."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def clip_ts(*words, stdin=None):
    done = subprocess.run([*CLIP_TS, *map(str, words)], input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"clip-ts {' '.join(map(str, words))} failed:\n{done.stderr}")
    return done.stdout


def random_inputs(config, batch=5):
    """Pixels from a normal distribution and captions of several lengths, padded with 0."""
    generator = torch.Generator().manual_seed(0)
    size = config["vision_config"]["image_size"]
    text = config["text_config"]
    tokens, vocab = text["max_position_embeddings"], text["vocab_size"]
    ids = torch.randint(1, vocab - 2, (batch, tokens), generator=generator)
    for row in range(batch):
        end = 1 + (row * (tokens - 2)) // (batch - 1) if batch > 1 else tokens - 1
        ids[row, 0] = vocab - 2
        ids[row, end] = vocab - 1
        ids[row, end + 1 :] = 0
    pixels = torch.randn(batch, 3, size, size, generator=generator)
    return {"pixel_values": pixels, "input_ids": ids}


def transformers_outputs(folder, inputs):
    from transformers import CLIPModel

    model, info = CLIPModel.from_pretrained(folder, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if info.get(kind):
            sys.exit(f"transformers: {kind}: {info[kind]}")
    with torch.no_grad():
        out = model.eval()(**inputs, return_loss=True)
    return {
        "image_embeds": out.image_embeds,
        "text_embeds": out.text_embeds,
        "logits_per_image": out.logits_per_image,
        "loss": out.loss.reshape(1),
        "image_last_hidden": out.vision_model_output.last_hidden_state,
        "text_last_hidden": out.text_model_output.last_hidden_state,
    }


def open_clip_outputs(folder, inputs):
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

    config = json.loads((Path(folder) / "config.json").read_text())
    vision, text = config["vision_config"], config["text_config"]
    model = CLIP(
        embed_dim=config["projection_dim"],
        vision_cfg=CLIPVisionCfg(
            layers=vision["num_hidden_layers"],
            width=vision["hidden_size"],
            head_width=vision["hidden_size"] // vision["num_attention_heads"],
            mlp_ratio=vision["intermediate_size"] / vision["hidden_size"],
            patch_size=vision["patch_size"],
            image_size=vision["image_size"],
        ),
        text_cfg=CLIPTextCfg(
            context_length=text["max_position_embeddings"],
            vocab_size=text["vocab_size"],
            width=text["hidden_size"],
            heads=text["num_attention_heads"],
            layers=text["num_hidden_layers"],
            mlp_ratio=text["intermediate_size"] / text["hidden_size"],
        ),
        quick_gelu=text["hidden_act"] == "quick_gelu",
    )
    model.load_state_dict(load_file(Path(folder) / "model.safetensors"), strict=True)
    with torch.no_grad():
        image = model.eval().encode_image(inputs["pixel_values"], normalize=True)
        words = model.encode_text(inputs["input_ids"], normalize=True)
        logits = model.logit_scale.exp() * image @ words.T
    return {"image_embeds": image, "text_embeds": words, "logits_per_image": logits}


class Report:
    def __init__(self):
        self.failed = False

    def compare(self, label, actual, expected, limit=1e-5):
        difference = (actual.double() - expected.double()).abs().max().item()
        scale = max(1.0, expected.double().abs().max().item())
        self.line(label, f"{difference / scale:.1e}", difference / scale < limit)

    def line(self, label, figure, passed):
        self.failed |= not passed
        print(f"{label:<44}{figure:>12}  {'ok' if passed else 'TOO FAR'}")


def check_outputs(report, folders, work):
    config = json.loads((folders["hf"] / "config.json").read_text())
    inputs = random_inputs(config)
    save_file(inputs, work / "inputs.safetensors")
    for layout, run in (("hf", transformers_outputs), ("openai", open_clip_outputs)):
        outputs = work / "outputs.safetensors"
        clip_ts("forward", folders[layout], work / "inputs.safetensors", "-o", outputs)
        ours = load_file(outputs)
        peer = "transformers" if layout == "hf" else "open_clip"
        for name, expected in run(folders[layout], inputs).items():
            report.compare(f"{peer}: {name}", ours[name], expected)


def check_tokenizer(report, folder):
    if not (folder / "tokenizer.json").exists():
        print("(the model's vocabulary is none of CLIP's: no tokenizer to compare)")
        return
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    expected = tokenizer(CAPTIONS, truncation=True)["input_ids"]
    lines = clip_ts("tokenize", folder, stdin="\n".join(CAPTIONS) + "\n").splitlines()
    equal = sum(json.loads(line) == ids for line, ids in zip(lines, expected, strict=True))
    total = len(CAPTIONS)
    report.line("transformers: captions with equal ids", f"{equal}/{total}", equal == total)


def draw_images(work, sizes):
    generator = np.random.default_rng(0)
    paths = []
    for width, height in sizes:
        coarse = generator.integers(0, 256, (height // 10 + 1, width // 10 + 1, 3), dtype=np.uint8)
        path = work / f"image-{width}x{height}.png"
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


def crops_at_half_a_pixel(image, size):
    """transformers rounds such an offset down; torchvision, and so OpenAI and open_clip, to even.

    clip-ts does as the library that the folder is of, so such images are compared with that one alone.
    """
    long = int(size * max(image.size) / min(image.size))
    return (long - size) % 2 == 1


def check_pixels(report, folder, work):
    from open_clip.transform import image_transform
    from transformers import CLIPImageProcessorPil  # the one that resizes with Pillow

    paths = draw_images(work, [(640, 480), (97, 201), (224, 224), (30, 41), (500, 333), (64, 64)])
    clip_ts("preprocess", folder, *paths, "-o", work / "pixels.safetensors")
    ours = load_file(work / "pixels.safetensors")["pixel_values"]
    images = [Image.open(path).convert("RGB") for path in paths]
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    size = ours.shape[-1]
    mean, std = tuple(processor.image_mean), tuple(processor.image_std)
    transform = image_transform(size, is_train=False, mean=mean, std=std)
    every = list(range(len(images)))
    alike = [row for row in every if not crops_at_half_a_pixel(images[row], size)]
    own = json.loads((folder / "preprocessor_config.json").read_text()).get("clip_ts", {})
    is_torchvision = own.get("center_crop") == "half-even"
    rows = every if is_torchvision else alike
    expected = torch.stack([transform(images[row]) for row in rows])
    report.compare(f"open_clip: pixels of {len(rows)} images", ours[rows], expected)
    rows = alike if is_torchvision else every
    expected = processor(images=[images[row] for row in rows], return_tensors="pt")["pixel_values"]
    report.compare(f"transformers: pixels of {len(rows)} images", ours[rows], expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="a model folder or run that clip-ts opens")
    model = parser.parse_args().model
    keep = define_torchvision_operators()  # alive as long as torchvision may be imported
    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        folders = {layout: work / layout for layout in ("hf", "openai")}
        for layout, folder in folders.items():
            clip_ts("convert", model, folder, "--to", layout)
        check_outputs(report, folders, work)
        check_tokenizer(report, folders["hf"])
        check_pixels(report, folders["hf"], work)
    del keep
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
