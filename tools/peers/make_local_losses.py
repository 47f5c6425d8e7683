"""Writes what open_clip's losses give to four processes that learn together, for the tests of @clip-ts/loss.

    python tools/peers/make_local_losses.py packages/test-utils/fixtures/loss/ranks.safetensors

ClipLoss and DistillClipLoss run with local_loss and gather_with_grad, SigLipLoss with its own exchange, each on its
process's pairs, with gloo. Losses and gradients are averaged over processes as DistributedDataParallel averages them,
and checked against one process with all pairs.
"""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as processes
import torch.nn.functional as F
from safetensors.torch import save_file

library = torch.library.Library("torchvision", "DEF")
for schema in ("nms(Tensor dets, Tensor scores, float t) -> Tensor", "qnms(Tensor d, Tensor s, float t) -> Tensor"):
    library.define(schema)

from open_clip.loss import ClipLoss, DistillClipLoss, SigLipLoss  # noqa: E402

RANKS, OWN, JOINT = 4, 3, 5
LEAVES = ("image", "text", "scale", "bias")


def draw():
    torch.manual_seed(7)
    unit = lambda: F.normalize(torch.randn(RANKS * OWN, JOINT, dtype=torch.float64), dim=-1)
    number = lambda value: torch.tensor(value, dtype=torch.float64)
    features = {name: unit() for name in ("image", "text", "teacher_image", "teacher_text")}
    numbers = {"scale": number(9.5), "bias": number(-3.25), "teacher_scale": number(6.0)}
    # float32 numbers, as they are stored
    return {name: x.float().double() for name, x in {**features, **numbers}.items()}


def losses(rank, size):
    place = {"rank": rank, "world_size": size}
    local = {"local_loss": size > 1, "gather_with_grad": size > 1}
    clip, distill, siglip = ClipLoss(**local, **place), DistillClipLoss(**local, **place), SigLipLoss(**place)
    teacher = lambda x: (x["teacher_image"], x["teacher_text"], x["teacher_scale"])
    return {
        "clip": lambda x: clip(x["image"], x["text"], x["scale"]),
        "distill": lambda x: distill(x["image"], x["text"], x["scale"], *teacher(x))[1],
        "siglip": lambda x: siglip(x["image"], x["text"], x["scale"], x["bias"]),
    }


def gradients(loss, given, rows):
    own = {name: x[rows] if x.dim() else x for name, x in given.items()}
    leaves = {name: own[name].clone().requires_grad_() for name in LEAVES}
    value = loss({**own, **leaves})
    value.backward()
    zero = lambda x: torch.zeros_like(x)
    return {"loss": value.detach(), **{f"d_{name}": zero(x) if x.grad is None else x.grad for name, x in leaves.items()}}


def learn(rank, port, results):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    rows = slice(rank * OWN, (rank + 1) * OWN)
    results[rank] = {name: gradients(loss, draw(), rows) for name, loss in losses(rank, RANKS).items()}
    dist.barrier()
    dist.destroy_process_group()


def averaged(found, name):
    parts = [found[rank][name] for rank in range(RANKS)]
    rows = {key: torch.cat([part[key] for part in parts]) / RANKS for key in ("d_image", "d_text")}
    numbers = {key: torch.stack([part[key] for part in parts]).mean() for key in ("loss", "d_scale", "d_bias")}
    return {**rows, **numbers}


def main(target):
    with processes.Manager() as manager:
        results = manager.dict()
        processes.spawn(learn, args=(29500 + os.getpid() % 1000, results), nprocs=RANKS)
        found = dict(results)
    tensors = draw()
    for name, loss in losses(0, 1).items():
        together, alone = averaged(found, name), gradients(loss, draw(), slice(None))
        for key, x in together.items():
            torch.testing.assert_close(x, alone[key], rtol=1e-9, atol=1e-12, msg=f"{name}.{key}")
            tensors[f"{name}.{key}"] = x
        tensors[f"{name}.losses"] = torch.stack([found[rank][name]["loss"] for rank in range(RANKS)])
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    save_file({name: x.float().contiguous() for name, x in tensors.items()}, target)


if __name__ == "__main__":
    main(sys.argv[1])
