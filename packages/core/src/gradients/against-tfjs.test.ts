// What the tests of single rules share: both sets of gradients, tfjs's and ours, each registered in turn.
import { gradientFaults, randomTensor, relativeError, useEngine } from "@clip-ts/test-utils";
import {
  getGradient,
  grads,
  mul,
  registerGradient,
  sum,
  unregisterGradient,
  type GradConfig,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { rules } from "./index.ts";

/** One use of an operation that has a gradient. */
export interface GradientCase {
  /** What is special about it; the kernel's name is said already. */
  readonly name?: string;
  /** Tensors, or the shapes of random ones. */
  readonly inputs: readonly (Tensor | number[])[];
  readonly run: (...inputs: Tensor[]) => Tensor;
  /** Engines that have the kernels; both if left out. */
  readonly engines?: readonly ("cpu" | "wasm")[];
  /** Central differences judge where tfjs has no gradient or a wrong one. */
  readonly judge?: "differences";
}

export type GradientCases = Readonly<Record<string, GradientCase | readonly GradientCase[]>>;

type GradientSet = ReadonlyMap<string, GradConfig>;

const own: GradientSet = new Map(
  Object.entries(rules).map(([kernelName, rule]) => [kernelName, { kernelName, ...rule }]),
);
own.forEach((_, name) => unregisterGradient(name));
await import("@tensorflow/tfjs");
const theirs: GradientSet = new Map(
  [...own.keys()].flatMap((name) => {
    const config: GradConfig | undefined = getGradient(name);
    return config === undefined ? [] : [[name, config] as const];
  }),
);

const use = (set: GradientSet): void => set.forEach((config) => registerGradient(config));

const inputsOf = ({ inputs }: GradientCase): Tensor[] =>
  inputs.map((input, index) => (Array.isArray(input) ? randomTensor(input, index) : input));

/** The gradients of a case's inputs, for a random dy, from the gradients registered now. */
async function gradientsOf(given: GradientCase): Promise<Float32Array[]> {
  const found = grads((...xs: Tensor[]) => {
    const y = given.run(...xs);
    return sum(mul(y, randomTensor(y.shape, "dy")));
  })(inputsOf(given));
  const inputs = inputsOf(given);
  found.forEach((gradient, index) => expect(gradient.shape).toEqual(inputs[index]?.shape));
  return Promise.all(found.map(async (x) => (await x.data()) as Float32Array));
}

/** How often our rule for a kernel is asked while the gradient of a case is computed. */
async function uses(kernel: string, given: GradientCase): Promise<number> {
  let count = 0;
  const rule = own.get(kernel) as GradConfig;
  registerGradient({
    ...rule,
    gradFunc(...call) {
      count++;
      return rule.gradFunc(...call);
    },
  });
  await gradientsOf(given);
  use(own);
  return count;
}

async function compare(given: GradientCase): Promise<void> {
  use(own);
  if (given.judge === "differences") {
    const inputs = Object.fromEntries(inputsOf(given).map((x, index) => [String(index), x]));
    const objective = (tree: Record<string, Tensor>): Tensor => {
      const y = given.run(...Object.values(tree));
      return sum(mul(y, randomTensor(y.shape, "dy")));
    };
    expect(await gradientFaults(objective, inputs, { entries: 6 })).toEqual([]);
    return;
  }
  const ours = await gradientsOf(given);
  use(theirs);
  const expected = await gradientsOf(given);
  for (const [index, reference] of expected.entries()) {
    expect(relativeError(ours[index]!, reference), `input ${index}`).toBeLessThan(1e-6);
  }
}

/** Tests our gradient of every kernel against tfjs's, or central differences, on both engines. */
export function compareGradients(cases: GradientCases): void {
  afterAll(() => useEngine("cpu"));
  for (const engine of ["cpu", "wasm"] as const) {
    describe(engine, () => {
      for (const [kernel, given] of Object.entries(cases)) {
        for (const one of [given].flat() as GradientCase[]) {
          if (one.engines?.includes(engine) === false) continue;
          test(`${kernel} ${one.name ?? ""}`, async () => {
            await useEngine(engine);
            await compare(one);
            expect(await uses(kernel, one), `uses of ${kernel}`).toBeGreaterThan(0);
          });
        }
      }
    });
  }
}

/** A function that jumps, times its input: a gradient that is that of the input's other way. */
export const beside =
  (jumping: (x: Tensor) => Tensor): GradientCase["run"] =>
  (x) =>
    mul(x as Tensor, jumping(x as Tensor));

test("the two sets are not the same one", () => {
  for (const name of ["Add", "Multiply", "BatchMatMul", "Softmax"]) {
    expect(theirs.get(name)?.gradFunc, name).toBeTypeOf("function");
    expect(theirs.get(name)?.gradFunc, name).not.toBe(own.get(name)?.gradFunc);
  }
  const only = [...own.keys()].filter((name) => !theirs.has(name));
  expect(only.toSorted()).toEqual([
    "Equal",
    "Greater",
    "Less",
    "LessEqual",
    "LogicalAnd",
    "LogicalNot",
    "LogicalOr",
    "NotEqual",
  ]);
});
