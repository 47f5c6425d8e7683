"""Writes what timm's big_vision Adafactor makes of a few parameters, for the tests of @clip-ts/optim.

    python tools/peers/make_adafactor_fixture.py packages/optim/src/fixtures/adafactor.json

Momentum in f32, which big_vision keeps in bf16; weight decay on the matrices alone, times the learning rate.
"""

import json
import sys
from pathlib import Path

import torch

library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from timm.optim.adafactor_bv import AdafactorBigVision  # noqa: E402

torch.manual_seed(8)
SHAPES = {
    "tall.weight": [7, 5],
    "wide.weight": [4, 6],
    "square.weight": [5, 5],
    "kernel.weight": [4, 3, 3, 5],
    "small.weight": [2, 9],
    "layer.bias": [6],
    "logit_scale": [],
}
RATES = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
CONFIGS = {
    "usual": {},
    "decayed": {"weight_decay": 0.2},
    "without momentum": {"momentum": None, "beta2_cap": 0.95, "decay_rate": 0.7},
}
initial = {path: torch.randn(shape) for path, shape in SHAPES.items()}
gradients = [{path: torch.randn(shape) * 10 ** torch.randn(()) for path, shape in SHAPES.items()} for _ in RATES]


def run(options):
    params = {path: value.clone().requires_grad_() for path, value in initial.items()}
    decay = options.pop("weight_decay", 0.0)
    groups = [
        {"params": [p for path, p in params.items() if path.endswith(".weight")], "weight_decay": decay},
        {"params": [p for path, p in params.items() if not path.endswith(".weight")], "weight_decay": 0.0},
    ]
    settings = {"min_dim_size_to_factor": 3, "momentum_dtype": torch.float32, **options}
    optimizer = AdafactorBigVision(groups, lr=1.0, **settings)
    for rate, grads in zip(RATES, gradients):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for path, value in params.items():
            value.grad = grads[path].clone()
        optimizer.step()
    rows = {path: optimizer.state[p].get("exp_avg_sq_r") for path, p in params.items()}
    flat = lambda tree: {path: v.detach().flatten().tolist() for path, v in tree.items() if v is not None}  # noqa: E731
    return {"params": flat(params), "rows": flat(rows)}


made = {
    "shapes": SHAPES,
    "learningRates": RATES,
    "initial": {path: value.flatten().tolist() for path, value in initial.items()},
    "grads": [{path: value.flatten().tolist() for path, value in grads.items()} for grads in gradients],
    "final": {name: run(dict(options)) for name, options in CONFIGS.items()},
}
Path(sys.argv[1]).write_text(json.dumps(made) + "\n")
