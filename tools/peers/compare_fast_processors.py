"""How far transformers' image processors on torchvision are from those on Pillow, whose pixels clip-ts has.

    python tools/peers/compare_fast_processors.py [--count 40] [--seed 0]

Prints, for each processor's defaults and for each filter, the share of bytes that differ before they are normalised, the
largest and the mean difference of 255; then the same where a crop's middle lies between two pixels, or is padded.
"""

import argparse

import numpy as np
from PIL import Image

import image_files
from check_interop import define_torchvision_operators

KEEP = define_torchvision_operators()  # alive as long as torchvision is used

import transformers  # noqa: E402

NAMES = ["CLIP", "ChineseCLIP", "Bit", "Siglip", "ViT", "DeiT", "EfficientNet"]
FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
CASES = [(name, {}, name) for name in NAMES]
CASES += [("ViT", {"resample": code}, f"ViT, {name}") for name, code in FILTERS.items()]
CASES += [
    ("CLIP", {"size": {"shortest_edge": 225}, "crop_size": 224}, "CLIP, 225 cropped to 224"),
    ("CLIP", {"size": {"shortest_edge": 221}, "crop_size": 224}, "CLIP, 221 padded to 224"),
]


def bytes_of(processor, image):
    top = {"include_top": False} if hasattr(processor, "include_top") else {}
    keys = {"do_rescale": False, "do_normalize": False, "return_tensors": "np"}
    return np.asarray(processor(image, **keys, **top)["pixel_values"][0], dtype=np.int64)


def pictures(count, seed):
    random = np.random.default_rng(seed)
    for _ in range(count):
        width, height = (int(side) for side in random.integers(60, 700, 2))
        yield Image.fromarray(image_files.picture(random, width, height))


def compare(name, keys, images):
    pil = getattr(transformers, f"{name}ImageProcessorPil")(**keys)
    fast = getattr(transformers, f"{name}ImageProcessor")(**keys)
    differences = np.concatenate([np.abs(bytes_of(pil, i) - bytes_of(fast, i)).ravel() for i in images])
    return (differences > 0).mean(), differences.max(), differences.mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    images = list(pictures(options.count, options.seed))
    for name, keys, words in CASES:
        try:
            share, most, mean = compare(name, keys, images)
            print(f"{words:26} {100 * share:6.2f} % differ, at most {most:3d}, mean {mean:.4f}")
        except Exception as error:  # a filter that torchvision lacks
            print(f"{words:26} torchvision refuses: {str(error).splitlines()[0][:80]}")


main()
