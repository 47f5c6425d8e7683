import { valueAndGradient } from "@clip-ts/core";
import { goldenArrays, goldenTensors, gradientFaults, relativeError, useEngine } from "@clip-ts/test-utils";
import { add, slice, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { contrastiveLoss } from "./contrastive-loss.ts";
import { distillationLoss } from "./distillation-loss.ts";

afterAll(() => useEngine("cpu"));

type Student = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor };

function golden(): { student: Student; teacher: Student } {
  const all = goldenTensors("loss/cases.safetensors");
  return {
    student: { imageFeatures: all["image"]!, textFeatures: all["text"]!, scale: all["scale"]! },
    teacher: {
      imageFeatures: all["teacher_image"]!,
      textFeatures: all["teacher_text"]!,
      scale: all["teacher_scale"]!,
    },
  };
}

test.each(["cpu", "wasm"] as const)(
  "with the contrastive loss it equals open_clip's DistillClipLoss (%s)",
  async (engine) => {
    await useEngine(engine);
    const { student, teacher } = golden();
    const expected = goldenArrays("loss/cases.safetensors");
    const { value, gradient } = valueAndGradient(
      (tree: Student) => ({
        loss: add(contrastiveLoss(tree), distillationLoss({ student: tree, teacher })),
      }),
      student,
    );
    expect(relativeError(await value.data(), expected["distill"]!.values)).toBeLessThan(1e-6);
    for (const [name, leaf] of [
      ["distill.d_image", gradient.imageFeatures],
      ["distill.d_text", gradient.textFeatures],
      ["distill.d_scale", gradient.scale],
    ] as const) {
      expect(relativeError(await leaf.data(), expected[name]!.values), name).toBeLessThan(1e-5);
    }
  },
);

test("equals its formula in float64", async () => {
  const { student, teacher } = golden();
  const logitsOf = async ({ imageFeatures, textFeatures, scale }: Student): Promise<number[][]> => {
    const [image, text] = [await imageFeatures.data(), await textFeatures.data()];
    const factor = (await scale.data())[0]!;
    const [rows, joint] = imageFeatures.shape as [number, number];
    const indices = Array.from({ length: rows }, (_, row) => row);
    const cosine = (i: number, j: number): number =>
      Array.from({ length: joint }, (_, k) => image[joint * i + k]! * text[joint * j + k]!).reduce((a, b) => a + b);
    return indices.map((i) => indices.map((j) => factor * cosine(i, j)));
  };
  const logSoftmax = (row: readonly number[]): number[] => {
    const largest = Math.max(...row);
    const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - largest), 0));
    return row.map((x) => x - largest - total);
  };
  const transposed = (matrix: number[][]): number[][] => matrix.map((_, i) => matrix.map((row) => row[i]!));
  const oneWay = (own: number[][], wanted: number[][]): number =>
    own.reduce((sum, row, i) => {
      const targets = logSoftmax(wanted[i]!).map(Math.exp);
      return sum - logSoftmax(row).reduce((all, x, j) => all + x * targets[j]!, 0) / own.length;
    }, 0);
  const [own, wanted] = [await logitsOf(student), await logitsOf(teacher)];
  const expected = (oneWay(own, wanted) + oneWay(transposed(own), transposed(wanted))) / 2;
  const actual = await distillationLoss({ student, teacher }).data();
  expect(relativeError(actual, [expected])).toBeLessThan(1e-6);
});

test("every input has the gradient of central differences", async () => {
  const { student, teacher } = golden();
  const objective = (tree: Student): Tensor => distillationLoss({ student: tree, teacher });
  expect(await gradientFaults(objective, student, { entries: 6, step: 5e-3 })).toEqual([]);
});

test("is least where the student is the teacher, whose gradient there is 0", async () => {
  const { student, teacher } = golden();
  const lossOf = async (one: Student): Promise<number> =>
    (await tidy(() => distillationLoss({ student: one, teacher })).data())[0]!;
  expect(await lossOf(teacher)).toBeLessThan(await lossOf(student));
  const { gradient } = valueAndGradient(
    (tree: Student) => ({ loss: distillationLoss({ student: tree, teacher }) }),
    teacher,
  );
  const slopes = await Promise.all(Object.values(gradient).map((leaf) => leaf.data()));
  expect(slopes.every((leaf) => leaf.every((entry) => Math.abs(entry) < 1e-5))).toBe(true);
});

test("a teacher of other pairs is refused", () => {
  const { student, teacher } = golden();
  const fewer = { ...teacher, imageFeatures: slice(teacher.imageFeatures, [0], [4]) };
  expect(() => distillationLoss({ student, teacher: fewer })).toThrow("expected [9, 9], got [4, 9]");
});
