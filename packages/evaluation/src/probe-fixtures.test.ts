import { readFileSync } from "node:fs";
import { useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fitLinearProbe, predictClasses } from "./linear-probe.ts";
import type { LabelledRows } from "./probe-sweep.ts";

interface Problem {
  readonly name: string;
  readonly rows: number;
  readonly dim: number;
  readonly classes: number;
  readonly spread: number;
  readonly noise: number;
  readonly unit?: boolean;
  readonly single?: boolean;
  readonly alike?: boolean;
  readonly results: readonly {
    readonly inversePenalty: number;
    readonly loss: number;
    /** Classes, a digit for each row; "?" where rounding decides. */
    readonly predicted: string;
  }[];
}

/** Written by tools/peers/make_probe_fixtures.py. */
const { cases } = JSON.parse(readFileSync(new URL("fixtures/probes.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Problem[];
};

function labelOf(row: number, { rows, classes, single }: Problem): number {
  if (single !== true) return row % classes;
  return row === rows - 1 ? classes - 1 : row % (classes - 1);
}

/** The same rows from the same formula as in Python. */
function rowsOf(problem: Problem): LabelledRows {
  const { rows, dim, spread, noise } = problem;
  const labels = Array.from({ length: rows }, (_, row) => labelOf(row, problem));
  const lines = labels.map((label, row) => {
    const line = Array.from({ length: dim }, (_, column) => {
      const center = Math.sin(1.7 * label + 2.3 * column);
      const value = center + noise * Math.sin(12.9898 * row + 78.233 * column + row * column);
      return value * 10 ** ((-spread * column) / dim) + (problem.alike === true ? 20 : 0);
    });
    const length = problem.unit === true ? Math.hypot(...line) : 1;
    return line.map((value) => value / length);
  });
  return { features: { values: Float32Array.from(lines.flat()), rows, dim }, labels };
}

/** What scikit-learn minimises, of the weights as they come back; two classes have one weight there. */
function lossOf(
  { weight, bias }: Awaited<ReturnType<typeof fitLinearProbe>>,
  { features: { values, rows, dim }, labels }: LabelledRows,
  inversePenalty: number,
): number {
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const logits = Array.from(bias, (shift, label) => {
      let logit = shift;
      for (let k = 0; k < dim; k++) {
        logit += values[row * dim + k]! * weight.values[label * dim + k]!;
      }
      return logit;
    });
    const highest = Math.max(...logits);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
    loss += highest + Math.log(sum) - logits[labels[row]!]!;
  }
  const squares = weight.values.reduce((sum, value) => sum + value ** 2, 0);
  const halves = bias.length === 2 ? 2 : 1;
  return (loss + (halves * squares) / (2 * inversePenalty)) / rows;
}

describe.each(["cpu", "wasm"] as const)("scikit-learn's minimum on %s", (engine) => {
  beforeAll(() => useEngine(engine));
  afterAll(() => useEngine("cpu"));

  for (const problem of cases) {
    const data = rowsOf(problem);
    test.each(problem.results)(`${problem.name}, C = $inversePenalty`, async ({ inversePenalty, loss, predicted }) => {
      const probe = await fitLinearProbe(data.features, data.labels, { inversePenalty });
      expect(probe.converged).toBe(true);
      expect(Math.abs(probe.loss / loss - 1)).toBeLessThan(1e-6);
      // Rounding the weights to float32 moves them off the minimum, where the loss is flat.
      expect(Math.abs(lossOf(probe, data, inversePenalty) / loss - 1)).toBeLessThan(1e-4);
      const found = await predictClasses(probe, data.features);
      const decided = Array.from(found, (label, row) => (predicted[row] === "?" ? "?" : label));
      expect(decided.join("")).toBe(predicted);
    });
  }
});
