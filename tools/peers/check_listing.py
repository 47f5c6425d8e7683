"""Writes what Python finds in a folder with links, for the tests of packages/node and apps/trainer.

    peers/bin/pip install torch torchvision pillow
    peers/bin/python tools/peers/check_listing.py

The tree holds linked files and folders, names whose order is not that of UTF-16, and files that are no
images. `walk` is every file by `sorted(os.walk(folder, followlinks=True))`, `samples` what torchvision's
ImageFolder takes of it, with its classes. Hidden names and loops are left out: ImageFolder takes the
former for images, os.walk never ends on the latter.
"""

import json
import os
import tempfile
from pathlib import Path

import torch

TARGET = Path(__file__).parents[2] / "packages/test-utils/fixtures/listing/listing.json"

library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchvision.datasets import ImageFolder  # noqa: E402  (needs the two operators)

FILES = [
    "cat/2.png",
    "cat/10.PNG",
    "cat/notes.md",
    "cat/deep/1.jpg",
    "cat/deep-er/1.jpg",
    "cat/deep.png",
    "Zebra/a.jpeg",
    "élan/b.webp",
    "\uff43at/a.png",
    "\U0001f408/a.png",
    "\U0001f408/c.tiff",
    "dog/a.b.png",
    "dog/sub/x/y/z.bmp",
]
LINKS = {
    "linked": "elsewhere/birds",
    "twice": "elsewhere/birds",
    "dog/friend.png": "cat/2.png",
    "dog/more": "elsewhere/more",
}
ELSEWHERE = ["elsewhere/birds/r.png", "elsewhere/birds/below/s.png", "elsewhere/more/t.ppm"]


def main() -> None:
    with tempfile.TemporaryDirectory() as base:
        root = Path(base) / "data"
        places = [root / name for name in FILES] + [Path(base) / name for name in ELSEWHERE]
        for path in places:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        for name, target in LINKS.items():
            base_of = Path(base) if target.startswith("elsewhere") else root
            os.symlink(os.path.relpath(base_of / target, (root / name).parent), root / name)
        walk = [
            os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in sorted(os.walk(root, followlinks=True))
            for name in sorted(names)
        ]
        images = ImageFolder(root)
        samples = [[os.path.relpath(path, root), label] for path, label in images.samples]
    content = {
        "files": FILES,
        "elsewhere": ELSEWHERE,
        "links": LINKS,
        "walk": walk,
        "classes": images.classes,
        "samples": samples,
    }
    TARGET.write_text(json.dumps(content, indent=1, ensure_ascii=True) + "\n")
    print(f"{len(walk)} files, {len(samples)} images of {len(images.classes)} classes: {TARGET}")


main()
