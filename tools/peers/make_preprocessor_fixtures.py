"""Writes packages/image/src/fixtures/preprocessors.json: what transformers' image processors of Pillow and
open_clip's transform make of a drawn picture under many preprocessing files, whole and partial.

    peers/bin/python tools/peers/make_preprocessor_fixtures.py
"""

import hashlib
import json
import tempfile
from pathlib import Path

import torch

_library = torch.library.Library("torchvision", "DEF")
for _schema in ["nms(Tensor d, Tensor s, float t) -> Tensor", "qnms(Tensor d, Tensor s, float t) -> Tensor"]:
    try:
        _library.define(_schema)
    except RuntimeError:
        pass

import numpy
import open_clip.transform as oc
import transformers
from PIL import Image
from transformers import AutoImageProcessor

TARGET = Path(__file__).parents[2] / "packages/image/src/fixtures/preprocessors.json"
CLIP = {"image_processor_type": "CLIPImageProcessor"}
SIGLIP = {"image_processor_type": "SiglipImageProcessor"}
VIT = {"image_processor_type": "ViTImageProcessor"}
SHORT = {"size": {"shortest_edge": 12}, "crop_size": {"height": 12, "width": 12}}
SQUARE = {"size": {"height": 12, "width": 12}}

FILES = {
    "nothing but a class": CLIP,
    "clip, sizes": {**CLIP, **SHORT},
    "clip, odd middle": {**CLIP, "size": {"shortest_edge": 7}, "crop_size": 7},
    "clip, plain numbers": {"feature_extractor_type": "CLIPFeatureExtractor", "size": 12, "crop_size": 12},
    "clip, fast": {"image_processor_type": "CLIPImageProcessorFast", **SHORT},
    "clip, pair": {**CLIP, **SHORT, "crop_size": [12, 12]},
    "clip, squashed": {**CLIP, **SQUARE, "do_center_crop": False},
    "clip, squashed then cropped to the same": {**CLIP, **SQUARE, "crop_size": 12},
    "clip, bilinear": {**CLIP, **SHORT, "resample": 2},
    "clip, one number for mean and deviation": {**CLIP, **SHORT, "image_mean": 0.5, "image_std": 0.25},
    "clip, not normalised": {**CLIP, **SHORT, "do_normalize": False},
    "clip, null is off": {**CLIP, **SQUARE, "do_center_crop": None, "do_normalize": None, "image_mean": None},
    "clip, no conversion": {**CLIP, **SHORT, "do_convert_rgb": False},
    "clip, numbers square by default": {**CLIP, "size": 12, "crop_size": 12, "default_to_square": True},
    "clip, bookkeeping": {**CLIP, **SHORT, "processor_class": "CLIPProcessor", "do_pad": False, "pad_size": None,
        "disable_grouping": None, "data_format": "channels_first", "device": None, "return_tensors": None,
        "input_data_format": None, "do_flip_channel_order": False, "image_seq_length": None},
    "clip, rescaled in words": {**CLIP, **SHORT, "do_rescale": True, "rescale_factor": 0.00392156862745098},
    "chinese clip": {"image_processor_type": "ChineseCLIPImageProcessor", **SHORT},
    "bit": {"image_processor_type": "BitImageProcessor", **SHORT},
    "nothing but siglip": SIGLIP,
    "siglip, size": {**SIGLIP, **SQUARE},
    "siglip, square by request": {**SIGLIP, "size": 12, "default_to_square": True},
    "siglip, middle by request": {**SIGLIP, **SHORT, "do_center_crop": True},
    "vit, size": {**VIT, **SQUARE},
    "vit, plain number": {**VIT, "size": 12},
    "vit, nearest the older name": {"feature_extractor_type": "ViTFeatureExtractor", "size": 12, "resample": 3},
    "blip, size": {"image_processor_type": "BlipImageProcessor", **SQUARE},
    "deit, sizes": {"image_processor_type": "DeiTImageProcessor", **SQUARE, "crop_size": 12},
}

EFFICIENT = {"image_processor_type": "EfficientNetImageProcessor"}
DEIT = {"image_processor_type": "DeiTImageProcessor"}
BIT = {"image_processor_type": "BitImageProcessor"}
TWO = {"height": 10, "width": 14}

FILES |= {
    "clip, crop smaller": {**CLIP, "size": {"shortest_edge": 14}, "crop_size": {"height": 10, "width": 10}},
    "clip, crop larger": {**CLIP, "size": {"shortest_edge": 9}, "crop_size": 12},
    "clip, crop of two sides": {**CLIP, "size": {"shortest_edge": 11}, "crop_size": TWO},
    "clip, longest edge too": {**CLIP, "size": {"shortest_edge": 12, "longest_edge": 20}, "crop_size": 12},
    "clip, not resized": {**CLIP, "do_resize": False, "crop_size": 12},
    "clip, squashed then cropped": {**CLIP, "size": TWO, "crop_size": 12},
    "clip, padding with nothing to do": {**CLIP, **SHORT, "do_pad": True, "pad_size": {"height": 12, "width": 12}},
    "siglip, two sides": {**SIGLIP, "size": TWO},
    "siglip, pair": {**SIGLIP, "size": [10, 14]},
    "vit, swin's": {**VIT, **SQUARE, "resample": 3, "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225], "do_resize": True, "do_normalize": True, "do_rescale": True,
        "rescale_factor": 0.00392156862745098},
    "vit, nothing but a class": VIT,
    "deit, nothing but a class": DEIT,
    "deit, crop smaller": {**DEIT, "size": 14, "crop_size": 12},
    "bit, nothing but a class": BIT,
    "bit, dinov2's": {**BIT, "size": {"shortest_edge": 16}, "crop_size": {"height": 14, "width": 14}, "resample": 3,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "do_convert_rgb": True},
    "blip, nothing but a class": {"image_processor_type": "BlipImageProcessor"},
    "chinese clip, nothing but a class": {"image_processor_type": "ChineseCLIPImageProcessor"},
    "chinese clip, its own": {"feature_extractor_type": "ChineseCLIPFeatureExtractor", "do_resize": True, "size": TWO,
        "do_center_crop": False, "crop_size": 12, "resample": 3, "do_normalize": True},
    "align's": {**EFFICIENT, "crop_size": {"height": 10, "width": 10}, "do_center_crop": True, "do_normalize": False,
        "do_rescale": True, "do_resize": True, "include_top": False, "rescale_factor": 0.00784313725490196,
        "rescale_offset": True, "resample": 2, "size": {"height": 12, "width": 12}},
    "efficientnet, not normalised": {**EFFICIENT, **SQUARE, "do_normalize": False, "include_top": False},
    **{f"siglip, filter {code}": {**SIGLIP, **SQUARE, "resample": code} for code in range(6)},
}

# Scales and deviations that clip-ts joins to one mean and one deviation: equal but for the last digits.
NEAR = {
    "efficientnet, nothing but a class": EFFICIENT,
    "efficientnet, normalised twice": {**EFFICIENT, **SQUARE, "image_std": [0.3, 0.4, 0.5]},
    "efficientnet, offset": {**EFFICIENT, **SQUARE, "rescale_offset": True, "rescale_factor": 1 / 127.5},
    "efficientnet, no rescale": {**EFFICIENT, **SQUARE, "do_rescale": False, "rescale_offset": True},
    "clip, not rescaled": {**CLIP, **SHORT, "do_rescale": False},
    "clip, bytes": {**CLIP, **SHORT, "do_rescale": False, "do_normalize": False},
    "clip, other factor": {**CLIP, **SHORT, "rescale_factor": 0.01},
}

OPEN_CLIP = {
    "empty": {},
    "statistics": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    "one number": {"mean": 0.5, "std": 0.5},
    "squash": {"resize_mode": "squash", "interpolation": "bilinear"},
    "longest": {"resize_mode": "longest"},
    "longest, filled": {"resize_mode": "longest", "interpolation": "bilinear", "fill_color": 200},
    "bilinear": {"interpolation": "bilinear"},
    "random": {"interpolation": "random"},
    "null": {"mean": None, "interpolation": None, "resize_mode": None},
    "all": {"size": [7, 7], "mode": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1], "interpolation": "bicubic",
        "resize_mode": "shortest", "fill_color": 0},
}


def drawn(width: int, height: int) -> Image.Image:
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    values = 7 * x + 13 * y + 29 * c + 5 * ((x * y) % 17) + 90 * ((x // 9 + y // 11) % 2)
    return Image.fromarray((values & 255).astype(numpy.uint8), "RGB")


def digest(planes: numpy.ndarray) -> str:
    return hashlib.sha256(numpy.ascontiguousarray(planes, dtype="<f4").tobytes()).hexdigest()[:16]


def by_transformers(content: dict, picture: Image.Image) -> numpy.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        # As transformers 5 keeps it: the section of another file.
        text = json.dumps({"image_processor": content, "processor_class": "CLIPProcessor"})
        Path(folder, "processor_config.json").write_text(text)
        processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return processor(picture, return_tensors="np")["pixel_values"][0]


def samples(planes: numpy.ndarray) -> list[float]:
    """Every so many-th value, and the mean of all."""
    values = planes.astype(numpy.float64).ravel()
    return [float(numpy.float32(v)) for v in values[:: max(1, len(values) // 7)]] + [float(values.mean())]


def by_open_clip(content: dict, size, picture: Image.Image) -> numpy.ndarray:
    keys = oc.merge_preprocess_dict(oc.PreprocessCfg(), content)
    transform = oc.image_transform_v2(oc.PreprocessCfg(**{**keys, "size": size}), is_train=False)
    return transform(picture).numpy()


def main() -> None:
    pictures = [(23, 17), (17, 24), (40, 12), (12, 12)]
    result = {
        "note": f"transformers {transformers.__version__} (Pillow backend), open_clip; sha256 of float32 planes of "
        "the formula's pictures",
        "pictures": pictures,
        "files": [
            {"name": name, "json": content, "sha256": [digest(by_transformers(content, drawn(*p))) for p in pictures]}
            for name, content in FILES.items()
        ],
        "near": [
            {"name": name, "json": content, "values": [samples(by_transformers(content, drawn(*p))) for p in pictures]}
            for name, content in NEAR.items()
        ],
        "openClip": [
            {"name": f"{name}, size {size}", "size": size, "json": content,
                "sha256": [digest(by_open_clip(content, size, drawn(*p))) for p in pictures]}
            for name, content in OPEN_CLIP.items()
            for size in (7, [6, 9])
        ],
    }
    TARGET.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
