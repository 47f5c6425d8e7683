"""Writes packages/evaluation/src/fixtures/probes.json: what scikit-learn's LogisticRegression reaches on problems
that the test makes again from the same formulas.

    peers/bin/pip install scikit-learn
    peers/bin/python tools/peers/make_probe_fixtures.py
"""

import json
import warnings
from pathlib import Path

import numpy
import sklearn
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

TARGET = Path(__file__).parents[2] / "packages/evaluation/src/fixtures/probes.json"

# rows, dim, classes, spread: features' scales fall from 1 to 10 ** -spread; noise: how little classes are apart
PROBLEMS = {
    "mixed classes": dict(rows=90, dim=6, classes=3, spread=0, noise=2),
    "two classes": dict(rows=60, dim=5, classes=2, spread=0, noise=1),
    "told apart": dict(rows=60, dim=8, classes=4, spread=0, noise=0.1),
    "badly scaled": dict(rows=120, dim=12, classes=5, spread=4, noise=1),
    "unit rows, more numbers than rows": dict(rows=40, dim=64, classes=4, spread=1, noise=1, unit=True),
    "one row of a class": dict(rows=31, dim=6, classes=3, spread=0, noise=1, single=True),
    "alike features": dict(rows=80, dim=10, classes=3, spread=0, noise=1, alike=True),
}
STRENGTHS = [1e-6, 1e-3, 0.316, 10, 3162.27766, 1e6]


def problem(rows, dim, classes, spread, noise, unit=False, single=False, alike=False):
    row = numpy.arange(rows)[:, None].astype(float)
    column = numpy.arange(dim)[None].astype(float)
    labels = numpy.arange(rows) % classes
    if single:
        labels = numpy.where(numpy.arange(rows) == rows - 1, classes - 1, numpy.arange(rows) % (classes - 1))
    center = numpy.sin(1.7 * labels[:, None] + 2.3 * column)
    values = center + noise * numpy.sin(12.9898 * row + 78.233 * column + row * column)
    values = values * 10 ** (-spread * column / dim)
    if alike:
        values = values + 20
    if unit:
        values = values / numpy.linalg.norm(values, axis=1, keepdims=True)
    return numpy.float32(values), labels


def objective(values, labels, weights, biases, strength):
    logits = values @ weights.T + biases
    if len(weights) == 1:
        loss = numpy.logaddexp(0, numpy.where(labels == 1, -logits[:, 0], logits[:, 0])).mean()
    else:
        loss = -log_softmax(logits, axis=1)[numpy.arange(len(labels)), labels].mean()
    return loss + (weights**2).sum() / (2 * strength * len(labels))


def solve(values, labels, strength):
    """The lowest of two solvers, each run until nothing more moves."""
    best = None
    for solver in ("lbfgs", "newton-cg", "newton-cholesky"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = LogisticRegression(C=strength, tol=1e-12, max_iter=100_000, solver=solver).fit(values, labels)
        loss = objective(values, labels, found.coef_, found.intercept_, strength)
        if best is None or loss < best[0]:
            best = (loss, found)
    return best


def main():
    cases = []
    for name, sizes in PROBLEMS.items():
        values, labels = problem(**sizes)
        values = numpy.float64(values)
        results = []
        for strength in STRENGTHS:
            loss, found = solve(values, labels, strength)
            # Predictions where rounding cannot decide between two classes are left out (-1).
            logits = found.decision_function(values)
            logits = numpy.stack([0 * logits, logits], 1) if logits.ndim == 1 else logits
            ordered = numpy.sort(logits, axis=1)
            clear = ordered[:, -1] - ordered[:, -2] > 1e-4
            predicted = numpy.where(clear, logits.argmax(1), -1)
            results.append({"inversePenalty": strength, "loss": loss, "predicted": "".join("?" if p < 0 else str(p) for p in predicted)})
        cases.append({"name": name, **sizes, "results": results})
    note = f"scikit-learn {sklearn.__version__}; losses are (sum of cross-entropies + |weight|^2 / 2C) / rows"
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps({"note": note, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
