"""Draws image files of every mode and format, and writes what Pillow and open_clip make of them.

    python tools/peers/make_image_fixtures.py [OUT.json] [--count 130] [--seed 0] [--large]

Without arguments it writes the fixtures of packages/node and packages/image anew. OUT.json holds, for each file, its bytes
and the digests of the pixels of `Image.open(f).convert("RGB")`, of the 24 x 24 pixels that Hugging
Face's order (convert, then resize and crop) and open_clip's own transform give, squashed ones too, the first four
digits of the digest of each way of picture_fits.py ("----" where the original refuses the picture), and
of open_clip's training crop at a box named there. Then damaged files: Pillow's pixels, or that it
refuses. `--large` draws larger images, for sweeps.
"""

import argparse
import base64
import hashlib
import io
import json
import warnings
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image, ImageFile

import image_files
from check_interop import define_torchvision_operators

KEEP = define_torchvision_operators()  # alive as long as torchvision is used

import open_clip  # noqa: E402
from open_clip.transform import image_transform  # noqa: E402
from torchvision.transforms import InterpolationMode, functional  # noqa: E402
from picture_fits import FITS  # noqa: E402

SIZE = 24
PACKAGES = Path(__file__).resolve().parents[2] / "packages"
FIXTURE = PACKAGES / "node/src/fixtures/images-by-mode.json"
MODES = PACKAGES / "image/src/fixtures/mode-cases.json"


def digest(image):
    assert image.mode == "RGB"
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def pixels_only(mode, interpolation):
    """open_clip's transform up to the conversion to RGB, before tensors."""
    transform = image_transform(SIZE, is_train=False, resize_mode=mode, interpolation=interpolation)
    return transform.transforms[:-2]


def through(steps, image):
    for step in steps:
        image = step(image)
    return image


WAYS = {
    "shortest": pixels_only("shortest", "bicubic"),
    "squash": pixels_only("squash", "bicubic"),
    "bilinear": pixels_only("shortest", "bilinear"),
}


def train_crop(image, box):
    """What RandomResizedCrop does once it has drawn its box: left, top, width, height."""
    left, top, width, height = box
    bicubic = InterpolationMode.BICUBIC
    cropped = functional.resized_crop(image, top, left, height, width, [SIZE, SIZE], bicubic)
    return cropped.convert("RGB")


def fitted(run, image):
    try:
        return digest(run(image))[:4]
    except (ValueError, ZeroDivisionError):  # a side of no pixels
        return "----"


def describe(name, data, random):
    def opened():
        return Image.open(io.BytesIO(data))

    image = opened()
    mode = image.mode
    rgb = image.convert("RGB")
    width, height = rgb.size
    left, top = int(random.integers(0, max(1, width // 3))), int(random.integers(0, max(1, height // 3)))
    box = [left, top, int(random.integers(1, width - left + 1)), int(random.integers(1, height - top + 1))]
    return {
        "name": name,
        "mode": mode,
        "width": width,
        "height": height,
        "rgb": digest(rgb),
        "before": {way: digest(through(steps, opened().convert("RGB"))) for way, steps in WAYS.items()},
        "after": {way: digest(through(steps, opened())) for way, steps in WAYS.items()},
        "fits": "".join(fitted(run, opened()) for _, _, _, run in FITS),
        "box": box,
        "trained": {"before": digest(train_crop(rgb, box)), "after": digest(train_crop(opened(), box))},
        "file": base64.b64encode(data).decode(),
    }


def side(random, large):
    return int(np.exp(random.uniform(0, np.log(700 if large else 40)))) + (0 if random.random() < 0.1 else 2)


def drawn(number, random, width, height):
    """One file; Pillow cannot write all that is drawn, then another one."""
    while True:
        drawer = image_files.DRAWERS[number % len(image_files.DRAWERS)]
        try:
            return drawer(random, width, height)
        except ValueError:
            width += 1


def draw_images(random, count, large):
    images = []
    while len(images) < count:
        width, height = side(random, large), side(random, large)
        if random.random() < 0.04:
            width, height = int(random.integers(1, 4)), int(random.integers(300, 500))
        name, data = drawn(len(images), random, width, height)
        try:
            images.append(describe(name, data, random))
        except Exception as error:  # a drawing that Pillow itself refuses says nothing
            images.append({"name": name, "refused": str(error), "file": base64.b64encode(data).decode()})
    return images


def damage(data, random):
    data = bytearray(data)
    way = int(random.integers(3))
    if way == 0:
        return "cut", bytes(data[: max(1, int(len(data) * random.uniform(0.1, 1)))])
    if way == 1:
        return "cut-near-end", bytes(data[: -int(random.integers(1, 40))])
    at = int(random.integers(len(data)))
    data[at] ^= 1 << int(random.integers(8))
    return "flipped", bytes(data)


def known_damage(random):
    """Damage that readers judge differently: checksums, and ends that are missing."""
    samples = image_files.picture(random, 17, 13, 3)
    png = image_files.write_png(samples, 8, 2, random)
    text = image_files.png_chunk(b"tEXt", b"Comment\x00by hand")
    pixels = png.index(b"IDAT")
    end = pixels + 4 + int.from_bytes(png[pixels - 4 : pixels], "big")
    wrong = bytes([png[end] ^ 1])
    jpeg = image_files.saved(Image.fromarray(samples), "JPEG", quality=90)
    return {
        "png-pixels-checksum.png": png[:end] + wrong + png[end + 1 :],
        "png-head-checksum.png": png[:29] + bytes([png[29] ^ 1]) + png[30:],
        "png-text-checksum.png": png[:33] + text[:-1] + bytes([text[-1] ^ 1]) + png[33:],
        "png-text-checksum-behind.png": png[:-12] + text[:-1] + bytes([text[-1] ^ 1]) + png[-12:],
        "png-no-end.png": png[:-12],
        "png-cut-behind.png": png[:-12] + text[:-8],
        "jpeg-no-end.jpg": jpeg[:-2],
        "jpeg-noise-behind.jpg": jpeg + b"\x00\x01\x02",
    }


def judged(name, data):
    entry = {"name": name, "file": base64.b64encode(data).decode()}
    try:
        rgb = Image.open(io.BytesIO(data)).convert("RGB")
        return entry | {"width": rgb.width, "height": rgb.height, "rgb": digest(rgb)}
    except Exception as error:
        reason = str(error).split("<_io")[0].strip()
        return entry | {"refused": f"{type(error).__name__}: {reason}"}


def draw_damaged(random, count):
    damaged = [judged(name, data) for name, data in known_damage(random).items()]
    while len(damaged) < count:
        width, height = (int(side) for side in random.integers(2, 40, 2))
        name, data = drawn(len(damaged), random, width, height)
        kind, data = damage(data, random)
        damaged.append(judged(f"{kind}-{name}", data))
    return damaged


def formula(width, height, channels):
    """The image of packages/image's tests, mode by mode the bytes of its channels."""
    y, x, channel = np.mgrid[0:height, 0:width, 0:channels]
    checker = (x // 9 + y // 11) % 2
    return (7 * x + 13 * y + 29 * channel + 5 * ((x * y) % 17) + 90 * checker).astype(np.uint8)


def formula_image(mode, width, height):
    if mode == "P":
        image = Image.fromarray(formula(width, height, 1)[..., 0], "P")
        image.putpalette(bytes((7 * i + 3 * c) % 256 for i in range(256) for c in range(3)))
        return image
    if mode == "CMYK":
        return Image.fromarray(formula(width, height, 4), "CMYK")
    if mode == "I;16":
        return Image.fromarray(formula(width, height, 2).view("<u2")[..., 0])
    signed = formula(width, height, 4).view("<i4")[..., 0] // 2**12
    return Image.fromarray(signed if mode == "I" else signed.astype(np.float32) / 8)


def draw_modes(random):
    """Resizes in modes that are no grey, colours or alpha, and of images far higher than wide."""
    cases = []
    for number in range(60):
        mode = ["P", "CMYK", "I;16", "I", "F"][number % 5]
        width, height = (int(side) for side in random.integers(1, 60, 2))
        if number >= 45:
            width, height = int(random.integers(1, 4)), int(random.integers(300, 900))
        to = [int(side) for side in random.integers(1, 40, 2)]
        name = "bicubic" if random.random() < 0.7 else "bilinear"
        image = formula_image(mode, width, height)
        resized = image.resize(to, getattr(Image.Resampling, name.upper()))
        case = {"mode": mode, "width": width, "height": height, "to": to, "interpolation": name}
        cases.append(case | {"rgb": digest(image.convert("RGB")), "sha256": digest(resized.convert("RGB"))})
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=FIXTURE)
    parser.add_argument("--count", type=int, default=130)
    parser.add_argument("--damaged", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    random = np.random.default_rng(options.seed)
    record = {
        "pillow": PIL.__version__,
        "open_clip": open_clip.__version__,
        "size": SIZE,
        "fits": [{"name": name, "order": order, "config": config} for name, order, config, _ in FITS],
        "images": draw_images(random, options.count, options.large),
        "damaged": draw_damaged(random, options.damaged),
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    if options.out == FIXTURE:
        MODES.write_text(json.dumps(draw_modes(np.random.default_rng(1)), indent=1) + "\n")
    print(f"{len(record['images'])} images, {len(record['damaged'])} damaged ones: {options.out}")


main()
