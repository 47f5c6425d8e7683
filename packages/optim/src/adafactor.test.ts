import { readFile } from "node:fs/promises";
import { scalar, tensor, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { factoredAxes, type AdafactorConfig } from "./adafactor.ts";
import { createOptimizer, type Scalars } from "./index.ts";

type Values = Readonly<Record<string, readonly number[]>>;
interface TimmRuns {
  readonly shapes: Readonly<Record<string, number[]>>;
  readonly learningRates: readonly number[];
  readonly initial: Values;
  readonly grads: readonly Values[];
  readonly final: Readonly<Record<string, { readonly params: Values; readonly rows: Values }>>;
}
const timm = JSON.parse(await readFile(new URL("fixtures/adafactor.json", import.meta.url), "utf8")) as TimmRuns;
const specs = Object.fromEntries(
  Object.entries(timm.shapes).map(([path, shape]) => [
    path,
    { shape, role: path.endsWith(".weight") ? ("matrix" as const) : ("bias" as const) },
  ]),
);
const upload = (values: Values): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(values).map(([path, list]) => [path, tensor([...list], timm.shapes[path], "float32")]),
  );

/** All steps of the run. */
function trained(config: Omit<AdafactorConfig, "kind">, wrap: (scalars: Scalars) => Scalars) {
  const optimizer = createOptimizer({ kind: "adafactor", minDimToFactor: 3, ...config }, specs);
  let state = { params: upload(timm.initial), slots: optimizer.init() };
  for (const [step, grads] of timm.grads.entries()) {
    const scalars = wrap(optimizer.scalars(step, timm.learningRates[step] ?? 0));
    state = optimizer.update({ ...state, grads: upload(grads), scalars });
  }
  return { ...state, optimizer };
}

const inGraph = (scalars: Scalars): Scalars =>
  Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, scalar(value as number) as Scalar]));

test.each<[string, Omit<AdafactorConfig, "kind">]>([
  ["usual", {}],
  ["decayed", { weightDecay: 0.2 }],
  ["without momentum", { momentum: 0, beta2Cap: 0.95, decayRate: 0.7 }],
])("parameters and rows are those of timm's big_vision Adafactor: %s", (name, config) => {
  for (const wrap of [(scalars: Scalars) => scalars, inGraph]) {
    const { params, slots } = trained(config, wrap);
    const expected = timm.final[name]!;
    for (const [path, values] of Object.entries(expected.params)) {
      const found = params[path]!.dataSync();
      values.forEach((value, at) =>
        expect(Math.abs(found[at]! - value), path).toBeLessThan(3e-6 * (1 + Math.abs(value))),
      );
    }
    for (const [path, values] of Object.entries(expected.rows)) {
      const found = slots["rows"]![path]!.dataSync();
      values.forEach((value, at) => expect(found[at]! / value, path).toBeCloseTo(1, 5));
    }
  }
});

test("matrices are remembered as rows and columns, all else whole; every leaf moves by itself", () => {
  const { optimizer } = trained({}, (scalars) => scalars);
  const shapesOf = (path: string) => optimizer.slots.map((slot) => optimizer.slotShape(slot, path));
  expect(optimizer.slots).toEqual(["momentum", "second", "rows", "columns"]);
  expect(shapesOf("tall.weight")).toEqual([[7, 5], [1], [1, 5], [7, 1]]);
  expect(shapesOf("kernel.weight")).toEqual([[4, 3, 3, 5], [1], [4, 3, 3, 1], [1, 3, 3, 5]]);
  expect(shapesOf("small.weight")).toEqual([[2, 9], [2, 9], [1], [1]]);
  expect(shapesOf("logit_scale")).toEqual([[], [], [1], [1]]);
  expect(optimizer.whole).toEqual(new Set(Object.keys(timm.shapes)));
  expect(() => optimizer.slotShape("first", "logit_scale")).toThrow('remembers no "first" of a leaf "logit_scale"');
  const { slotShape } = createOptimizer({ kind: "adafactor", momentum: 0 }, specs);
  expect(slotShape("momentum", "tall.weight")).toEqual([1]);
});

test.each([
  [
    [768, 3072],
    [0, 1],
  ],
  [
    [3072, 768],
    [1, 0],
  ],
  [
    [64, 64],
    [0, 1],
  ],
  [[31, 900], undefined],
  [
    [768, 3, 32, 32],
    [3, 0],
  ],
  [[512], undefined],
  [[], undefined],
] as const)("the axes of %j", (shape, axes) => {
  expect(factoredAxes(shape, 32)).toEqual(axes);
});

test("settings out of range are refused", () => {
  expect(() => createOptimizer({ kind: "adafactor", beta2Cap: 1 }, specs)).toThrow("beta2Cap: expected at least 0");
});
