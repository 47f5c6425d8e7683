"""Writes PyTorch's gradients of single operations, corners included, for the tests of @clip-ts/core/gradients.

    python tools/peers/make_gradient_fixtures.py packages/test-utils/fixtures/gradients.json

Each case has its inputs, the gradient that its value is given, and those of its inputs. Pictures are
[batch, height, width, channels] and filters [height, width, in, out], as tfjs has them.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(5)


def draw(*shape):
    return torch.randn(shape, dtype=torch.float64)


def given(*values):
    return torch.tensor(values, dtype=torch.float64)


def pictures(run):
    return lambda x, *others: run(x.permute(0, 3, 1, 2), *others).permute(0, 2, 3, 1)


def convolve(stride, padding):
    return pictures(lambda x, f: F.conv2d(x, f.permute(3, 2, 0, 1), stride=stride, padding=padding))


def normalise(x, mean, variance, offset, scale):
    return (x - mean) / torch.sqrt(variance + 1e-3) * scale + offset


CASES = {
    "pow with exponents of 0": (torch.pow, given(0, 2, 3, 1.5), given(0, 0, 0, 2)),
    "abs at 0": (torch.abs, given(-2, 0, 3)),
    "relu at 0": (torch.relu, given(-1, 0, 2)),
    "clip at its bounds": (lambda x: torch.clamp(x, -1, 1), given(-2, -1, 0, 1, 2)),
    "division by columns": (torch.div, draw(3, 4), draw(3, 1)),
    "maximum by rows": (torch.maximum, draw(2, 3, 4), draw(4)),
    "squared difference by rows": (lambda a, b: (a - b) ** 2, draw(3, 4), draw(4)),
    "sqrt": (torch.sqrt, draw(3, 4).abs() + 0.1),
    "rsqrt": (torch.rsqrt, draw(3, 4).abs() + 0.1),
    "erf": (torch.erf, draw(3, 4)),
    "softplus far out": (F.softplus, given(-30, -1, 0, 1, 15)),
    "sigmoid far out": (torch.sigmoid, given(-80, -1, 0, 1, 80)),
    "selu": (F.selu, given(-20, -1, -0.1, 0.1, 2)),
    "elu": (F.elu, given(-20, -1, -0.1, 0.1, 2)),
    "softmax": (lambda x: torch.softmax(x, -1), 3 * draw(2, 3, 5)),
    "log-softmax": (lambda x: torch.log_softmax(x, -1), 3 * draw(3, 5)),
    "log-sum-exp": (lambda x: torch.logsumexp(x, -1), 3 * draw(3, 5)),
    "product with zeros": (lambda x: torch.prod(x, 1), torch.stack([given(0, 2, 3), given(0, 0, 4)])),
    "running sum": (lambda x: torch.cumsum(x, 1), draw(2, 3, 4)),
    "picked rows": (lambda x: x[torch.tensor([1, 3, 1, 0])], draw(4, 3)),
    "copies": (lambda x: x.repeat(3, 1, 2), draw(1, 3, 4)),
    "matmul of batches by a matrix": (torch.matmul, draw(2, 3, 4), draw(4, 5)),
    "matmul with a transposed batch": (lambda a, b: a @ b.transpose(-1, -2), draw(2, 3, 4), draw(2, 5, 4)),
    "batch norm": (normalise, draw(2, 2, 3, 4), draw(4), draw(4).abs() + 0.5, draw(4), draw(4)),
    "convolution, stride 2, padding 1": (convolve(2, 1), draw(2, 6, 7, 3), draw(3, 3, 3, 4)),
    "average pool": (pictures(lambda x: F.avg_pool2d(x, 2)), draw(2, 4, 6, 3)),
    "max pool": (pictures(lambda x: F.max_pool2d(x, 3, 2)), draw(2, 7, 7, 3)),
}


def array(x):
    values = x.detach().to(torch.float32)
    return {"shape": list(x.shape), "values": values.flatten().tolist()}


def differentiate(run, *inputs):
    inputs = [x.to(torch.float32).to(torch.float64).requires_grad_() for x in inputs]
    value = run(*inputs)
    dy = draw(*value.shape)
    grads = torch.autograd.grad(value, inputs, dy)
    named = {"inputs": inputs, "dy": [dy], "gradients": grads}
    return {name: [array(x) for x in arrays] for name, arrays in named.items()}


out = {name: differentiate(*case) for name, case in CASES.items()}
text = json.dumps(out, separators=(",", ":"), allow_nan=False)
Path(sys.argv[1]).write_text(text.replace('},"', '},\n"') + "\n")
