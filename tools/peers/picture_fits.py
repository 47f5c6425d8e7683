"""Ways to make pictures fit, each with what transformers (Pillow's backend) or open_clip makes of a picture.

A way has a name, the order of its steps ("before": RGB first, as transformers; "after": as open_clip), clip-ts's words for
it, and a function from a Pillow image to a Pillow image.
"""

import numpy as np
from open_clip.transform import image_transform
from PIL import Image
from torchvision.transforms import InterpolationMode, Resize
from transformers import (
    BitImageProcessorPil,
    CLIPImageProcessorPil,
    DeiTImageProcessorPil,
    EfficientNetImageProcessorPil,
    SiglipImageProcessorPil,
    ViTImageProcessorPil,
)

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
PAIR = [20, 28]
LARGER = {"height": 24, "width": 30}


def by_transformers(processor, **keys):
    made = processor(do_rescale=False, do_normalize=False, **keys)

    def run(image):
        planes = made(image.convert("RGB"), return_tensors="np")["pixel_values"][0]
        return Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)).astype(np.uint8), "RGB")

    return run


def by_open_clip(size, mode, interpolation="bicubic", fill=0):
    steps = image_transform(
        size, is_train=False, resize_mode=mode, interpolation=interpolation, fill_color=fill
    ).transforms[:-2]

    def run(image):
        for step in steps:
            image = step(image)
        return image

    return run


def by_torchvision(size, filter_name):
    resize = Resize(size, interpolation=getattr(InterpolationMode, filter_name.upper()))
    return lambda image: resize(image).convert("RGB")


def square(side):
    return {"height": side, "width": side}


def transformers_ways():
    clip, deit, vit = CLIPImageProcessorPil, DeiTImageProcessorPil, ViTImageProcessorPil
    short = {"size": {"shortest_edge": 32}, "crop_size": square(24), "resample": 3}
    yield "crop smaller", {"size": 24, "resizeTo": 32}, by_transformers(clip, **short)
    small = {"size": {"shortest_edge": 17}, "crop_size": square(24), "resample": 2}
    yield (
        "crop larger",
        {"size": 24, "resizeTo": 17, "interpolation": "bilinear"},
        by_transformers(BitImageProcessorPil, **small),
    )
    odd = {"size": {"shortest_edge": 21}, "crop_size": LARGER, "resample": 3}
    yield "crop of two sides", {"size": [24, 30], "resizeTo": 21}, by_transformers(clip, **odd)
    limited = {"size": {"shortest_edge": 24, "longest_edge": 40}, "crop_size": square(24), "resample": 3}
    yield "limited", {"size": 24, "longestEdge": 40}, by_transformers(clip, **limited)
    whole = {"do_resize": False, "crop_size": square(24)}
    yield "not resized", {"size": 24, "resize": "none"}, by_transformers(clip, **whole)
    squashed = {"size": square(32), "crop_size": square(24), "resample": 3}
    yield "squashed, cropped", {"size": 24, "resizeTo": 32, "resize": "squash"}, by_transformers(deit, **squashed)
    top = {"size": square(20), "crop_size": square(24), "do_center_crop": True, "resample": 2, "include_top": False}
    yield (
        "squashed, crop larger",
        {"size": 24, "resizeTo": 20, "resize": "squash", "interpolation": "bilinear"},
        by_transformers(EfficientNetImageProcessorPil, **top),
    )
    for name, code in FILTERS.items():
        sides = {"size": {"height": PAIR[0], "width": PAIR[1]}, "resample": code}
        processor = SiglipImageProcessorPil if code % 2 else vit
        config = {"size": PAIR, "resize": "squash", "interpolation": name}
        yield f"squashed, {name}", config, by_transformers(processor, **sides)


def open_clip_ways():
    yield "longest", {"size": 24, "resize": "longest"}, by_open_clip(24, "longest")
    filled = {"size": 24, "resize": "longest", "interpolation": "bilinear", "fill": 127}
    yield "longest, filled", filled, by_open_clip(24, "longest", "bilinear", 127)
    yield "longest of two sides", {"size": PAIR, "resize": "longest", "fill": 3}, by_open_clip(PAIR, "longest", fill=3)
    yield "shortest of two sides", {"size": PAIR}, by_open_clip(PAIR, "shortest")
    yield (
        "squash of two sides",
        {"size": PAIR, "resize": "squash", "interpolation": "bilinear"},
        by_open_clip(PAIR, "squash", "bilinear"),
    )
    for name in ["nearest", "lanczos", "box", "hamming"]:
        yield f"squash, {name}", {"size": 24, "resize": "squash", "interpolation": name}, by_torchvision([24, 24], name)


# name, order, config, function
FITS = [("before: " + n, "before", c, f) for n, c, f in transformers_ways()] + [
    ("after: " + n, "after", c, f) for n, c, f in open_clip_ways()
]
