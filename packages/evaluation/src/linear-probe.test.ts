import { largestDifference, relativeError, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fitLinearProbe, predictClasses } from "./linear-probe.ts";
import { evaluateFewShot } from "./few-shot.ts";
import { sweepLinearProbe, type LabelledRows } from "./probe-sweep.ts";

/** Four features of each row by formula; the same were given to scikit-learn. */
function featuresOf(rows: number): LabelledRows["features"] {
  const values = Float32Array.from({ length: rows * 4 }, (_, place) => {
    const [row, column] = [Math.floor(place / 4), place % 4];
    return Math.sin(1 + row * 7 + column * 3) + 0.5 * Math.cos(row * 0.37 * (column + 1));
  });
  return { values, rows, dim: 4 };
}

const features = featuresOf(60);
const labels = Array.from({ length: 60 }, (_, row) => {
  const [first = 0, second = 0] = features.values.subarray(row * 4);
  if (first + 0.3 * Math.sin(row) > 0.4) return 0;
  return second > 0 ? 1 : 2;
});

/** scikit-learn 1.9: LogisticRegression(C, tol 1e-10) on the same rows. */
const references = [
  {
    inversePenalty: 0.316,
    weight: [
      1.136235, -0.079943, 0.504937, -0.335969, -0.710896, 0.780109, -0.742912, 0.405114, -0.425339, -0.700166,
      0.237974, -0.069145,
    ],
    bias: [-0.025337, 0.112829, -0.087492],
  },
  {
    inversePenalty: 10,
    weight: [
      4.685665, -0.134838, 1.740551, 0.49434, -2.31555, 3.248532, -1.948658, -0.145818, -2.370115, -3.113693, 0.208107,
      -0.348521,
    ],
    bias: [-0.430262, 0.201655, 0.228607],
  },
];

describe.each(["cpu", "wasm"] as const)("on %s", (engine) => {
  beforeAll(() => useEngine(engine));
  afterAll(() => useEngine("cpu"));

  for (const { inversePenalty, weight, bias } of references) {
    test(`the probe is scikit-learn's (C = ${inversePenalty})`, async () => {
      const probe = await fitLinearProbe(features, labels, { inversePenalty, tolerance: 1e-6 });
      expect(probe.weight).toMatchObject({ rows: 3, dim: 4 });
      expect(relativeError(probe.weight.values, Float32Array.from(weight))).toBeLessThan(1e-3);
      expect(largestDifference(probe.bias, Float32Array.from(bias))).toBeLessThan(1e-3);
    });
  }

  test("a fit leaves no tensor behind and says that it arrived", async () => {
    const left = await tensorsLeftBy(async () => {
      const probe = await fitLinearProbe(features, labels);
      expect(probe.converged).toBe(true);
      expect(probe.iterations).toBeGreaterThan(0);
      expect(await predictClasses(probe, features)).toHaveLength(60);
    });
    expect(left).toBe(0);
  });

  test("classes without a row can be kept, and lose", async () => {
    const probe = await fitLinearProbe(features, labels, { classes: 5 });
    expect(probe.bias).toHaveLength(5);
    expect(Math.max(...(await predictClasses(probe, features)))).toBeLessThan(3);
  });

  describe("a sweep", () => {
    const train: LabelledRows = { features, labels };

    test("returns the probe that does best on the validation rows", async () => {
      const { points, inversePenalty, probe } = await sweepLinearProbe(train, train);
      const best = Math.max(...points.map(({ accuracy }) => accuracy));
      const chosen = points.find((point) => point.inversePenalty === inversePenalty);
      expect(chosen?.accuracy).toBe(best);
      expect(best).toBeGreaterThan(0.8);
      expect(points[0]?.accuracy).toBeLessThan(best); // 1e-6: nothing but the bias
      expect(probe.weight.rows).toBe(3);
      const penalties = points.map((point) => point.inversePenalty);
      expect(penalties).toEqual(penalties.toSorted((a, b) => a - b));
      expect(penalties.length).toBeGreaterThan(10);
    });

    test("takes the middle of strengths that do equally well", async () => {
      const values = Float32Array.from({ length: 24 }, (_, place) => {
        const [row, column] = [Math.floor(place / 2), place % 2];
        return (row % 2 === column ? 1 : 0) + Math.sin(place) / 10;
      });
      const classes = Array.from({ length: 12 }, (_, row) => row % 2);
      const apart: LabelledRows = { features: { values, rows: 12, dim: 2 }, labels: classes };
      const { points, inversePenalty, probe } = await sweepLinearProbe(apart, apart);
      expect(points.map(({ accuracy }) => accuracy)).toEqual(points.map(() => 1));
      expect(points.findIndex((point) => point.inversePenalty === inversePenalty)).toBe(Math.floor(points.length / 2));
      expect(probe.converged).toBe(true);
    });
  });

  describe("few-shot", () => {
    const train: LabelledRows = { features, labels };

    test("more examples do better, and a seed gives the same draws", async () => {
      const one = await evaluateFewShot(train, train, { shots: 1, draws: 4, seed: 2 });
      const eight = await evaluateFewShot(train, train, { shots: 8, draws: 4, seed: 2 });
      expect(one.accuracies).toHaveLength(4);
      expect(eight.mean).toBeGreaterThan(one.mean);
      expect(await evaluateFewShot(train, train, { shots: 1, draws: 4, seed: 2 })).toEqual(one);
      expect(new Set(one.accuracies).size).toBeGreaterThan(1);
    });

    test("too few examples are an error that counts them", async () => {
      await expect(evaluateFewShot(train, train, { shots: 40 })).rejects.toThrow(
        /Class \d has \d+ examples, fewer than the 40/u,
      );
    });
  });
});

test.each([
  { wrong: [0, 1], why: /got 60 rows and 2 labels\.$/u },
  { wrong: labels.map((label, row) => (row === 3 ? -1 : label)), why: /one of them -1/u },
])("labels that do not fit are refused", async ({ wrong, why }) => {
  await expect(fitLinearProbe(features, wrong)).rejects.toThrow(why);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a penalty of %s is refused", async (inversePenalty) => {
  await expect(fitLinearProbe(features, labels, { inversePenalty })).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringContaining(`should be a positive number, got ${inversePenalty}`),
  });
});

test("rows of one class alone cannot be told apart", async () => {
  const alike = labels.map(() => 3);
  await expect(fitLinearProbe(features, alike)).rejects.toMatchObject({
    code: "bad-argument",
    message: "A probe tells classes apart, so its rows should be of two at least; all 60 are of class 3.",
  });
});

test("a sweep without validation rows, or few shots of nothing, are refused", async () => {
  const train: LabelledRows = { features, labels };
  const none: LabelledRows = {
    features: { values: new Float32Array(), rows: 0, dim: 4 },
    labels: [],
  };
  await expect(sweepLinearProbe(train, none)).rejects.toThrow(/at least one to validate with, got none/u);
  await expect(evaluateFewShot(train, none, { shots: 1 })).rejects.toThrow(/test rows .* got 0/u);
  await expect(evaluateFewShot(train, train, { shots: 0 })).rejects.toThrow(/shots .* got 0/u);
  await expect(evaluateFewShot(train, train, { shots: 1, draws: 1.5 })).rejects.toThrow(/draws/u);
});

test("the event loop runs while a probe is fitted", async () => {
  const [rows, dim] = [4000, 64];
  const values = Float32Array.from({ length: rows * dim }, (_, place) => Math.sin(place * place));
  const classes = Array.from({ length: rows }, (_, row) => row % 8);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await fitLinearProbe({ values, rows, dim }, classes, { inversePenalty: 1e6 });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});

describe("a probe to begin at", () => {
  test("shortens the way and does not change its end", async () => {
    const cold = await fitLinearProbe(features, labels, { inversePenalty: 10 });
    const nearby = await fitLinearProbe(features, labels, { inversePenalty: 9 });
    const warm = await fitLinearProbe(features, labels, { inversePenalty: 10, start: nearby });
    expect(warm.converged).toBe(true);
    expect(warm.iterations).toBeLessThan(cold.iterations);
    expect(warm.loss / cold.loss).toBeCloseTo(1, 7);
    expect(relativeError(warm.weight.values, cold.weight.values)).toBeLessThan(1e-4);
  });

  test("may know other classes, and be moved by what all share", async () => {
    const cold = await fitLinearProbe(features, labels);
    const two = labels.map((label) => Math.min(label, 1));
    const { weight, bias } = await fitLinearProbe(features, two, { classes: 5 });
    const start = { weight, bias: bias.map((shift) => shift + 1000) };
    const warm = await fitLinearProbe(features, labels, { start });
    expect(warm.converged).toBe(true);
    expect(warm.loss / cold.loss).toBeCloseTo(1, 7);
    expect(largestDifference(warm.bias, cold.bias)).toBeLessThan(1e-4);
  });

  test("is refused if it is for features of another length", async () => {
    const start = { weight: { values: new Float32Array(6), rows: 3, dim: 2 }, bias: [0, 0, 0] };
    await expect(
      fitLinearProbe(features, labels, {
        start: { ...start, bias: Float32Array.from(start.bias) },
      }),
    ).rejects.toThrow(/weights of 4 numbers like the features, got 2/u);
  });
});

test("a search that was cut short says so", async () => {
  const probe = await fitLinearProbe(features, labels, { inversePenalty: 1e6, maxIterations: 1 });
  expect(probe).toMatchObject({ iterations: 1, converged: false });
});

test("a feature that is not finite is refused by its row", async () => {
  const values = features.values.with(4 * 7 + 2, Number.NaN);
  await expect(fitLinearProbe({ ...features, values }, labels)).rejects.toMatchObject({
    code: "bad-argument",
    message: "Features should be finite numbers; row 7 holds NaN.",
  });
});
