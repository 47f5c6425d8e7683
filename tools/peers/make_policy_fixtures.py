"""Writes packages/image/src/fixtures/policies.json: what timm's operations, with Pillow, make of pictures of a formula.

    python tools/peers/make_policy_fixtures.py [OUT.json] [--count 6] [--seed 0]

Each case names an operation, its number in its own unit, a filter, a colour and a picture. A sweep of thousands
(--count 200) is compared by `CLIP_TS_POLICIES=OUT.json npx vitest run packages/image/src/policy/operations.test.ts`.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from check_interop import define_torchvision_operators

KEEP = define_torchvision_operators()  # alive as long as torchvision is used

import timm  # noqa: E402
from timm.data import auto_augment as aa  # noqa: E402

TARGET = Path(__file__).resolve().parents[2] / "packages/image/src/fixtures/policies.json"
RANGES = {
    "AutoContrast": None, "Equalize": None, "Invert": None,
    "Rotate": (-30, 30), "Posterize": range(0, 9), "PosterizeIncreasing": range(0, 5),
    "PosterizeOriginal": range(4, 9), "Solarize": range(0, 257), "SolarizeIncreasing": range(0, 257),
    "SolarizeAdd": range(0, 129), "Color": (0.1, 1.9), "Contrast": (0.1, 1.9), "Brightness": (0.1, 1.9),
    "Sharpness": (0.1, 1.9), "ColorIncreasing": (0.1, 1.9), "ContrastIncreasing": (0.1, 1.9),
    "BrightnessIncreasing": (0.1, 1.9), "SharpnessIncreasing": (0.1, 1.9), "ShearX": (-0.3, 0.3),
    "ShearY": (-0.3, 0.3), "TranslateX": (-30, 30), "TranslateY": (-30, 30), "TranslateXRel": (-0.45, 0.45),
    "TranslateYRel": (-0.45, 0.45), "Desaturate": (0.5, 1.0), "GaussianBlur": (0.1, 2.0),
}  # fmt: skip
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def formula(width, height, low, span):
    """The picture of packages/image's tests, its brightness in a part of the range."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    values = (7 * x + 13 * y + 29 * c + 5 * ((x * y) % 17) + 90 * ((x // 9 + y // 11) % 2)) & 255
    return Image.fromarray((low + values * span // 255).astype(np.uint8), "RGB")


def drawn_amount(name, random):
    span = RANGES[name]
    if span is None:
        return 0
    if isinstance(span, range):
        return int(random.choice(span))
    return float(random.uniform(*span))


def draw_case(name, random):
    width, height = (int(side) for side in random.integers(1, 48, 2))
    low = int(random.integers(0, 100))
    picture = [width, height, low, int(random.integers(1, 256 - low))]
    amount = drawn_amount(name, random)
    interpolation = str(random.choice(list(FILTERS)))
    fill = [int(value) for value in random.integers(0, 256, 3)]
    arguments = [] if RANGES[name] is None else [amount]
    made = aa.NAME_TO_OP[name](
        formula(*picture), *arguments, fillcolor=tuple(fill), resample=FILTERS[interpolation]
    )
    digest = hashlib.sha256(made.tobytes()).hexdigest()[:12]
    return {"name": name, "amount": amount, "filter": interpolation, "fill": fill, "picture": picture, "sha256": digest}


def levels():
    """The numbers of whole magnitudes, those of either sign as positive ones."""
    aa._randomly_negate = lambda value: value
    settings = {"translate_const": 100, "img_mean": (0, 0, 0)}
    return {
        name: [float(aa.LEVEL_TO_ARG[name](magnitude, settings)[0]) for magnitude in range(11)]
        for name in aa.LEVEL_TO_ARG
        if aa.LEVEL_TO_ARG[name] is not None
    }


def policies():
    names = ["v0", "v0r", "original", "originalr", "3a"]
    return {
        name: [[[op.name, op.prob, op.magnitude] for op in row] for row in aa.auto_augment_policy(name)]
        for name in names
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    cases = [draw_case(name, random) for name in RANGES for _ in range(options.count)]
    record = {"pillow": PIL.__version__, "timm": timm.__version__, "levels": levels(), "policies": policies()}
    sets = {
        "rand": aa._RAND_TRANSFORMS,
        "increasing": aa._RAND_INCREASING_TRANSFORMS,
        "3a": aa._RAND_3A,
        "weights": aa._RAND_WEIGHTED_0,
        "3aw": aa._RAND_WEIGHTED_3A,
        "augmix": aa._AUGMIX_TRANSFORMS,
    }
    options.out.write_text(json.dumps(record | {"sets": sets, "cases": cases}) + "\n")
    print(f"{len(cases)} cases: {options.out}")


main()
