"""What augmentation draws: packages/image against timm and torchvision (build packages/image first).

Which operations of a policy are done how often, mean and deviation of their numbers, how many an image gets, how AugMix
mixes, what random erasing erases and what random crops show: each is counted over `--count` images on both sides, and
told where they differ by more than 4.5 standard errors. `--write` keeps timm's counts as the fixture of
packages/image/src/policy/draws.test.ts.

    python tools/peers/check_draws.py [--count 20000] [--seed 0] [--write]
"""

import argparse
import json
import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from check_interop import define_torchvision_operators

KEEP = define_torchvision_operators()  # alive as long as torchvision is used

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from timm.data import auto_augment, transforms_factory  # noqa: E402
from timm.data.random_erasing import RandomErasing  # noqa: E402
from torchvision.transforms import RandomResizedCrop  # noqa: E402

HERE = Path(__file__).resolve().parent
FIXTURE = HERE.parents[1] / "packages/image/src/fixtures/draws.json"
POLICIES = [
    "rand-m9-n2-mstd0.5-inc1", "rand-m7-n3-mmax12-p0.7", "rand-mstd101-tweights-n3", "rand-m8-t3a", "rand-n3-t3aw-mstd1",
    "augmix-m3-w3-d2", "augmix-m5-w4-b1-a0.5-mstd1", "original-mstd0.5", "originalr", "v0", "v0r-mstd1", "3a",
]  # fmt: skip
ERASING = [
    dict(height=40, width=32, probability=0.5, count=1),
    dict(height=32, width=32, probability=0.25, count=3),
]
CROPS = [
    dict(width=64, height=48, scale=[0.9, 1.0], ratio=[3 / 4, 4 / 3]),
    dict(width=40, height=80, scale=[0.08, 1.0], ratio=[3 / 4, 4 / 3]),
    dict(width=48, height=48, scale=[0.4, 1.0], ratio=[1 / 2, 2]),
]
LIMIT = 4.5


class Counts(dict):
    def add(self, name, value):
        count, total, squares = self.get(name, (0, 0.0, 0.0))
        self[name] = (count + 1, total + value, squares + value * value)

    def listed(self):
        return {name: dict(count=c, sum=s, squares=q) for name, (c, s, q) in self.items()}


def policy_counts(words, count):
    """timm's draws, its pictures left out: each operation only tells its name and number."""
    secondary = transforms_factory.transforms_imagenet_train(224, auto_augment=words, separate=True, interpolation="bilinear", mean=(0.5, 0.5, 0.5))[1]
    policy = secondary.transforms[0]
    found, done = Counts(), 0

    def teller(name):
        def tell(image, *arguments, **_):
            nonlocal done
            done += 1
            found.add(name, float(arguments[0]) if arguments else 0.0)
            return image

        return tell

    # `ops` of RandAugment and AugMix, `policy` of AutoAugment
    rows = [policy.ops] if hasattr(policy, "ops") else policy.policy
    for op in (op for row in rows for op in row):
        op.aug_fn = teller(op.name)
    image = Image.new("RGB", (4, 4), (90, 90, 90))
    if isinstance(policy, auto_augment.AugMixAugment):
        for method in ["_apply_basic", "_apply_blended"]:
            def mixing(image, weights, mixed, apply=getattr(policy, method)):
                found.add("mixed", float(mixed))
                found.add("largest share", float(weights.max()))
                return apply(image, weights, mixed)

            setattr(policy, method, mixing)
    for _ in range(count):
        done = 0
        policy(image)
        found.add("operations", done)
    return found.listed()


def erasing_counts(case, count):
    height, width = case["height"], case["width"]
    erase = RandomErasing(case["probability"], mode="const", max_count=case["count"], device="cpu")
    found = Counts()
    for _ in range(count):
        zeros = (erase(torch.ones(3, height, width))[0] == 0).numpy()
        area = int(zeros.sum())
        if area == 0:
            continue
        found.add("area", area / (height * width))
        if case["count"] == 1:
            found.add("aspect", math.log(zeros.any(1).sum() / zeros.any(0).sum()))
    return found.listed()


def crop_counts(case, count):
    width, height = case["width"], case["height"]
    image = torch.zeros(3, height, width)
    found = Counts()
    for _ in range(count):
        top, left, high, wide = RandomResizedCrop.get_params(image, case["scale"], case["ratio"])
        found.add("area", wide * high / (width * height))
        found.add("aspect", math.log(wide / high))
        found.add("left", left)
        found.add("top", top)
    return found.listed()


def moments(entry):
    mean = entry["sum"] / entry["count"]
    return mean, math.sqrt(max(0.0, entry["squares"] / entry["count"] - mean * mean))


def errors(mine, theirs, count):
    """Standard errors between two counts: how often, the mean, and the deviation."""
    empty = dict(count=0, sum=0.0, squares=0.0)
    mine, theirs = mine or empty, theirs or empty
    total = mine["count"] + theirs["count"]
    often = abs(mine["count"] - theirs["count"]) / math.sqrt(max(1.0, total * max(0.01, 1 - total / (2 * count))))
    if min(mine["count"], theirs["count"]) < 2:
        return often, 0.0, 0.0
    (mean, deviation), (other, others) = moments(mine), moments(theirs)
    spread = math.sqrt(deviation**2 / mine["count"] + others**2 / theirs["count"])
    far = abs(mean - other) / max(spread, 1e-9) if abs(mean - other) > 1e-6 else 0.0
    # for a kurtosis of 10: numbers of two values, one of them rare, have that much
    wide = abs(math.log(max(deviation, 1e-9) / max(others, 1e-9))) / (1.5 * math.sqrt(1 / mine["count"] + 1 / theirs["count"]))
    return often, far, wide if max(deviation, others) > 1e-6 else 0.0


def compare(title, mine, theirs, count):
    worst, lines = 0.0, []
    for name in sorted(set(mine) | set(theirs)):
        found = errors(mine.get(name), theirs.get(name), count)
        worst = max(worst, *found)
        if max(found) > LIMIT:
            lines.append(f"   {name}: ours {mine.get(name)}, theirs {theirs.get(name)}: {found[0]:.1f}, {found[1]:.1f}, {found[2]:.1f} standard errors")
    print(f"{title:48} {len(set(mine) | set(theirs)):3} kinds, at most {worst:.1f} standard errors apart", flush=True)
    print("\n".join(lines), end="\n" if lines else "")
    return len(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="keep timm's counts as the tests' fixture")
    options = parser.parse_args()
    random.seed(options.seed)
    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    order = dict(count=options.count, seed=options.seed, policies=POLICIES, erasing=ERASING, crops=CROPS)
    answer = subprocess.run(["node", str(HERE / "draws.mjs")], input=json.dumps(order), capture_output=True, text=True, check=True)
    mine = json.loads(answer.stdout)
    theirs = dict(
        policies=[policy_counts(words, options.count) for words in POLICIES],
        erasing=[erasing_counts(case, options.count) for case in ERASING],
        crops=[crop_counts(case, options.count) for case in CROPS],
    )
    cases = dict(policies=POLICIES, erasing=ERASING, crops=CROPS)
    differing = 0
    for kind, list_of in cases.items():
        for index, case in enumerate(list_of):
            differing += compare(f"{kind} {case}"[:48], mine[kind][index], theirs[kind][index], options.count)
    if options.write:
        record = {kind: [[case, theirs[kind][index]] for index, case in enumerate(list_of)] for kind, list_of in cases.items()}
        FIXTURE.write_text(json.dumps(dict(count=options.count) | record) + "\n")
    sys.exit(1 if differing else 0)


main()
