import { tensorsLeftBy } from "@clip-ts/test-utils";
import {
  dispose,
  getGradient,
  grad,
  localResponseNormalization,
  mul,
  ones,
  registerGradient,
  square,
  sum,
  tensor,
  unregisterGradient,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { checkpointed } from "./checkpointed.ts";
import { valueAndGradient } from "./gradient.ts";
import { rules } from "./gradients/index.ts";

/** Runs as in a program that has not imported any gradients. */
async function withoutGradients(run: () => Promise<void>): Promise<void> {
  const registered = Object.keys(rules).map((name) => getGradient(name));
  for (const { kernelName } of registered) unregisterGradient(kernelName);
  try {
    await run();
  } finally {
    registered.forEach(registerGradient);
  }
}

const slope = (x: Tensor): unknown => valueAndGradient((tree: { x: Tensor }) => ({ loss: sum(square(tree.x)) }), { x });

test("a program without gradients is told which line to write", async () => {
  const x = tensor([1, 2]);
  await withoutGradients(async () => {
    const left = await tensorsLeftBy(() => {
      expect(() => slope(x)).toThrow('Write `import "@clip-ts/core/gradients";` once');
    });
    expect(left).toBe(0);
    expect(() => slope(x)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });
  dispose(slope(x) as never);
  x.dispose();
});

test("an operation without a gradient is named, with other ways", () => {
  const x = ones([1, 2, 2, 4]);
  const objective = (tree: { x: Tensor }): { loss: Tensor } => ({
    loss: sum(localResponseNormalization(tree.x as Tensor4D)),
  });
  expect(() => valueAndGradient(objective, { x })).toThrow(
    /^The operation LRN has no gradient.*withGradient.*@tensorflow\/tfjs/u,
  );
  x.dispose();
});

test("a checkpointed part says it too, whoever differentiates", async () => {
  const x = tensor([1, 2]);
  const run = (_: object, rows: Tensor): { value: Tensor; aux: object } => ({
    value: mul(rows, rows),
    aux: {},
  });
  const differentiate = grad((rows: Tensor) => checkpointed({ params: {}, x: rows, run }).value);
  await withoutGradients(async () => {
    expect(() => differentiate(x)).toThrow("@clip-ts/core/gradients");
  });
  x.dispose();
});
