import { l2Normalize, valueAndGradient } from "@clip-ts/core";
import { gradientFaults, randomTensor, relativeError, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import { memory, profile, scalar, slice, tidy, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { chunkedDistillationLoss, distillationLoss } from "./distillation-loss.ts";

afterAll(() => useEngine("cpu"));

type Inputs = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor };

const featuresOf = (name: string, batch: number, joint: number, scale: number): Inputs => ({
  imageFeatures: l2Normalize(randomTensor([batch, joint], `${name} images`)),
  textFeatures: l2Normalize(randomTensor([batch, joint], `${name} texts`)),
  scale: scalar(scale),
});

const studentOf = (batch: number, scale = 14.3): Inputs => featuresOf("student", batch, 6, scale);
const teacherOf = (batch: number, scale = 40): Inputs => featuresOf("teacher", batch, 9, scale);

const chunked =
  (teacher: Inputs, chunk?: number) =>
  (student: Inputs): Tensor =>
    chunkedDistillationLoss({ student, teacher, ...(chunk === undefined ? {} : { chunk }) });

const dense =
  (teacher: Inputs) =>
  (student: Inputs): Tensor =>
    distillationLoss({ student, teacher });

/** Value and gradients, one after the other. */
async function numbers(loss: (tree: Inputs) => Tensor, inputs: Inputs): Promise<number[][]> {
  const { value, gradient } = valueAndGradient((tree: Inputs) => ({ loss: loss(tree) }), inputs);
  const all = [value, gradient.imageFeatures, gradient.textFeatures, gradient.scale];
  return Promise.all(all.map(async (x) => Array.from(await x.data())));
}

test.each(["cpu", "wasm"] as const)("equals the dense loss for any chunk (%s)", async (engine) => {
  await useEngine(engine);
  const cases = fc.record({
    batch: fc.integer({ min: 1, max: 9 }),
    chunk: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
    scale: fc.constantFrom(1, 14.3, 100),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ batch, chunk, scale }) => {
      const [student, teacher] = [studentOf(batch, scale), teacherOf(batch)];
      const expected = await numbers(dense(teacher), student);
      const actual = await numbers(chunked(teacher, chunk), student);
      actual.forEach((part, index) => {
        expect(relativeError(part, expected[index]!, 0.1)).toBeLessThan(1e-5);
      });
    }),
    { numRuns: 40 },
  );
});

test("every input of the student has the gradient of central differences", async () => {
  await useEngine("cpu");
  const objective = chunked(teacherOf(5), 2);
  expect(await gradientFaults(objective, studentOf(5), { entries: 8, step: 5e-3 })).toEqual([]);
});

test("scales of 10000 stay finite, forward and backward", async () => {
  const parts = await numbers(chunked(teacherOf(6, 1e4), 2), studentOf(6, 1e4));
  expect(parts.flat().every((entry) => Number.isFinite(entry))).toBe(true);
});

test("holds a few chunks of the matrices, never the whole", async () => {
  const [batch, chunk] = [1024, 32];
  const [student, teacher] = [studentOf(batch), teacherOf(batch)];
  const before = memory().numBytes;
  const { peakBytes } = await profile(
    () => valueAndGradient((tree: Inputs) => ({ loss: chunked(teacher, chunk)(tree) }), student) as never as Scalar,
  );
  expect(peakBytes - before).toBeLessThan(12 * 4 * batch * chunk);
});

test("leaves only the loss behind", async () => {
  const [student, teacher] = [studentOf(5), teacherOf(5)];
  expect(await tensorsLeftBy(() => tidy(() => chunked(teacher, 2)(student)))).toBe(1);
});

test("a teacher of other pairs is refused", () => {
  const teacher = teacherOf(5);
  const fewer = { ...teacher, imageFeatures: slice(teacher.imageFeatures, [0], [4]) };
  expect(() => chunked(fewer)(studentOf(5))).toThrow("expected [5, joint], got [4, 9]");
});
