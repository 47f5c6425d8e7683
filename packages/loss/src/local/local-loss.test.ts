import { l2Normalize, valueAndGradient } from "@clip-ts/core";
import {
  goldenArrays,
  goldenTensors,
  randomTensor,
  refusalOf,
  relativeError,
  tensorsLeftBy,
  useEngine,
} from "@clip-ts/test-utils";
import { add, addN, concat, dispose, mul, scalar, slice, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { matchingAccuracy, similarityLogits, symmetricCrossEntropy, type TargetOptions } from "../contrastive-loss.ts";
import { distillationLoss } from "../distillation-loss.ts";
import type { PairFeatures } from "../pairwise.ts";
import { sigmoidLoss } from "../sigmoid-loss.ts";
import { localContrastive, localDistillation, localSigmoid } from "./local-losses.ts";
import { localAccuracy, localLoss, localSums, type LocalTerm } from "./local-loss.ts";
import type { LocalPairs } from "./local-pairs.ts";

afterAll(() => useEngine("cpu"));

/** All pairs and what makes logits of them. */
type Inputs = { imageFeatures: Tensor; textFeatures: Tensor; scale: Tensor; bias: Tensor };

/** Loss, accuracy and gradients. */
type Outcome = Readonly<Record<"loss" | "accuracy" | keyof Inputs, number[]>>;

const unitRows = (shape: [number, number], label: string): Tensor => l2Normalize(randomTensor(shape, label));

/** Captions that say something of their images, but not enough to be found each time. */
function inputsOf(pairs: number, joint = 6): Inputs {
  const images = randomTensor([pairs, joint], "images");
  const texts = add(images, randomTensor([pairs, joint], "texts", 0.5));
  return {
    imageFeatures: l2Normalize(images),
    textFeatures: l2Normalize(texts),
    scale: scalar(14.3),
    bias: scalar(-4.1),
  };
}

const teacherOf = (pairs: number) => ({
  imageFeatures: unitRows([pairs, 7], "teacher images"),
  textFeatures: unitRows([pairs, 7], "teacher texts"),
  scale: 9,
});

const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** The whole matrix on one rank. */
async function replicated(loss: (given: Inputs) => Tensor, inputs: Inputs): Promise<Outcome> {
  // Every leaf has to be reached, also a bias that softmax takes away.
  const { value, gradient } = valueAndGradient(
    (given: Inputs) => ({ loss: add(loss(given), mul(given.bias, 0)) }),
    inputs,
  );
  return {
    loss: await values(value),
    accuracy: await values(matchingAccuracy(similarityLogits(inputs))),
    imageFeatures: await values(gradient.imageFeatures),
    textFeatures: await values(gradient.textFeatures),
    scale: await values(gradient.scale),
    bias: await values(gradient.bias),
  };
}

const rowsOf = (x: Tensor, rank: number, own: number): Tensor => slice(x, [rank * own], [own]);

function pairsOf({ scale, bias, ...all }: Inputs, rank: number, size: number): LocalPairs {
  const own = all.imageFeatures.shape[0]! / size;
  const features: PairFeatures = {
    imageFeatures: rowsOf(all.imageFeatures, rank, own),
    textFeatures: rowsOf(all.textFeatures, rank, own),
  };
  return { own: features, all, rank, size, scale, bias };
}

interface Ranks {
  readonly size: number;
  readonly chunk?: number | undefined;
}

/** So many ranks, one after the other, with what they tell each other. */
async function local(terms: readonly LocalTerm[], inputs: Inputs, { size, chunk }: Ranks): Promise<Outcome[]> {
  const ranks = Array.from({ length: size }, (_, rank) => ({ ...pairsOf(inputs, rank, size), chunk }));
  const told = ranks.map((pairs) => localSums(pairs, terms));
  const names = Object.keys(told[0]!);
  const sums = Object.fromEntries(
    names.map((name) => [
      name,
      concat(
        told.map((own) => own[name]!),
        0,
      ),
    ]),
  );
  const found = ranks.map((pairs) =>
    valueAndGradient(
      ({ scale, bias, ...own }: Inputs) => ({ loss: localLoss({ ...pairs, own, scale, bias }, terms, sums) }),
      { ...pairs.own, scale: inputs.scale, bias: inputs.bias },
    ),
  );
  const gradients = found.map(({ gradient }) => gradient);
  const together = {
    accuracy: await values(localAccuracy(sums)),
    imageFeatures: await values(
      concat(
        gradients.map(({ imageFeatures }) => imageFeatures),
        0,
      ),
    ),
    textFeatures: await values(
      concat(
        gradients.map(({ textFeatures }) => textFeatures),
        0,
      ),
    ),
    scale: await values(addN(gradients.map(({ scale }) => scale))),
    bias: await values(addN(gradients.map(({ bias }) => bias))),
  };
  return Promise.all(found.map(async ({ value }) => ({ loss: await values(value), ...together })));
}

/** A loss in both forms. */
interface Case {
  readonly name: string;
  readonly whole: (inputs: Inputs, groups: Tensor) => Tensor;
  readonly terms: (pairs: number, groups: Tensor) => readonly LocalTerm[];
}

const contrastiveOf = (inputs: Inputs, options: TargetOptions): Tensor =>
  symmetricCrossEntropy(similarityLogits(inputs), options);

const distillationOf = (student: Inputs): Tensor =>
  distillationLoss({ student, teacher: teacherOf(student.imageFeatures.shape[0]!) });

const cases: readonly Case[] = [
  {
    name: "contrastive",
    whole: (inputs) => contrastiveOf(inputs, {}),
    terms: () => [{ loss: localContrastive() }],
  },
  {
    name: "contrastive, smoothed",
    whole: (inputs) => contrastiveOf(inputs, { labelSmoothing: 0.2 }),
    terms: () => [{ loss: localContrastive({ labelSmoothing: 0.2 }) }],
  },
  {
    name: "multi-positive",
    whole: (inputs, groups) => contrastiveOf(inputs, { groups }),
    terms: (_, groups) => [{ loss: localContrastive({ groups }) }],
  },
  {
    name: "multi-positive, smoothed",
    whole: (inputs, groups) => contrastiveOf(inputs, { groups, labelSmoothing: 0.1 }),
    terms: (_, groups) => [{ loss: localContrastive({ groups, labelSmoothing: 0.1 }) }],
  },
  {
    name: "distillation",
    whole: (inputs) => distillationOf(inputs),
    terms: (pairs) => [{ loss: localDistillation(teacherOf(pairs)) }],
  },
  {
    name: "sigmoid",
    whole: (inputs) => sigmoidLoss(inputs),
    terms: () => [{ loss: localSigmoid() }],
  },
  {
    name: "sigmoid and half a distillation",
    whole: (inputs) => add(sigmoidLoss(inputs), mul(distillationOf(inputs), 0.5)),
    terms: (pairs) => [{ loss: localSigmoid() }, { loss: localDistillation(teacherOf(pairs)), weight: 0.5 }],
  },
];

/** Every third pair is like the one before. */
const someAlike = (pairs: number): Tensor =>
  tensor(
    Int32Array.from({ length: pairs }, (_, row) => (row % 3 === 2 ? row - 1 : row)),
    [pairs],
    "int32",
  );

const parts = ["loss", "imageFeatures", "textFeatures", "scale"] as const;

describe.each(["cpu", "wasm"] as const)("on %s", (engine) => {
  test.each(cases)("4 ranks with 512 pairs equal one: $name", async ({ whole, terms }) => {
    await useEngine("cpu"); // adds in float64; wasm, in float32, is off by 1e-2 in the sum of a whole matrix
    const tolerance = engine === "cpu" ? 1e-6 : 1e-5;
    const inputs = inputsOf(512, 8);
    const groups = someAlike(512);
    const expected = await replicated((given) => whole(given, groups), inputs);
    await useEngine(engine);
    const found = await local(terms(512, groups), inputs, { size: 4 });
    for (const each of found) {
      expect(each.loss).toEqual(found[0]!.loss);
      for (const part of parts) expect(relativeError(each[part], expected[part]), part).toBeLessThan(tolerance);
      expect(relativeError(each.bias, expected.bias, 1), "bias").toBeLessThan(tolerance);
      expect(each.accuracy).toEqual(expected.accuracy);
    }
  });
});

test("equal one rank for any number of ranks, pairs, chunk and groups", async () => {
  await useEngine("cpu");
  const drawn = fc.record({
    size: fc.integer({ min: 1, max: 5 }),
    own: fc.integer({ min: 1, max: 4 }),
    chunk: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    kinds: fc.array(fc.nat(4), { minLength: 20, maxLength: 20 }),
    copies: fc.boolean(),
    which: fc.constantFrom(...cases),
  });
  await fc.assert(
    fc.asyncProperty(drawn, async ({ size, own, chunk, kinds, copies, which }) => {
      const pairs = size * own;
      const groups = tensor(kinds.slice(0, pairs), [pairs], "int32");
      const drawnInputs = inputsOf(pairs);
      const inputs = copies ? { ...drawnInputs, textFeatures: drawnInputs.imageFeatures.clone() } : drawnInputs;
      const expected = await replicated((given) => which.whole(given, groups), inputs);
      for (const each of await local(which.terms(pairs, groups), inputs, { size, chunk })) {
        for (const part of parts) expect(relativeError(each[part], expected[part], 1), part).toBeLessThan(1e-5);
        expect(relativeError(each.bias, expected.bias, 1), "bias").toBeLessThan(2e-6);
        expect(each.accuracy[0]).toBeCloseTo(expected.accuracy[0]!, 6);
      }
    }),
    { numRuns: 50 },
  );
});

test.each([
  ["clip", () => [{ loss: localContrastive() }]],
  ["distill", (teacher) => [{ loss: localDistillation(teacher) }]],
  ["siglip", () => [{ loss: localSigmoid() }]],
] as readonly [string, (teacher: PairFeatures & { scale: Tensor }) => LocalTerm[]][])(
  "loss and gradients are those of four processes with open_clip: %s",
  async (name, terms) => {
    await useEngine("cpu");
    const file = "loss/ranks.safetensors";
    const [tensors, golden] = [goldenTensors(file), goldenArrays(file)];
    const { image, text, scale, bias } = tensors as Record<string, Tensor>;
    const teacher = {
      imageFeatures: tensors["teacher_image"]!,
      textFeatures: tensors["teacher_text"]!,
      scale: tensors["teacher_scale"]!,
    };
    const inputs = { imageFeatures: image!, textFeatures: text!, scale: scale!, bias: bias! };
    // The softmax losses are trained without a bias there.
    const given = name === "siglip" ? inputs : { ...inputs, bias: scalar(0) };
    const losses = Array.from(golden[`${name}.losses`]!.values as Float32Array);
    const names = { loss: "loss", imageFeatures: "d_image", textFeatures: "d_text", scale: "d_scale" };
    for (const each of await local(terms(teacher), given, { size: 4 })) {
      for (const part of parts) {
        expect(relativeError(each[part], golden[`${name}.${names[part]}`]!.values), part).toBeLessThan(1e-6);
      }
      expect(relativeError(each.bias, golden[`${name}.d_bias`]!.values, 1)).toBeLessThan(1e-6);
      const mean = losses.reduce((sum, loss) => sum + loss / losses.length, 0);
      expect(relativeError(each.loss, [mean])).toBeLessThan(1e-6);
    }
  },
);

test("a scale of 10000 stays finite in both phases", async () => {
  const inputs = { ...inputsOf(12), scale: scalar(1e4) };
  for (const { terms } of cases) {
    const [found] = await local(terms(12, someAlike(12)), inputs, { size: 3, chunk: 2 });
    expect(Object.values(found!).flat().every(Number.isFinite)).toBe(true);
  }
});

test("rows that do not fit each other are refused by name", () => {
  const pairs = pairsOf(inputsOf(12), 1, 3);
  const terms = [{ loss: localContrastive() }];
  const refusal = (changed: Partial<LocalPairs>): string =>
    refusalOf(() => localSums({ ...pairs, ...changed }, terms)).message;
  expect(refusal({ rank: 3 })).toMatch(/rank: expected a whole number from 0 and below size, got 3 of 3/u);
  expect(refusal({ size: 4 })).toMatch(/image features of 4 ranks with 4 pairs each/u);
  expect(refusal({ chunk: 0 })).toMatch(/chunk: expected a whole number of rows from 1, got 0/u);
  const own = localSums(pairs, terms);
  expect(refusalOf(() => localLoss(pairs, terms, own)).message).toMatch(
    /the sums "term0.imageLogSumExp" of all ranks/u,
  );
  const labelSmoothing = [{ loss: localContrastive({ labelSmoothing: 1 }) }];
  expect(refusalOf(() => localSums(pairs, labelSmoothing)).message).toMatch(/labelSmoothing/u);
  const teacher = [{ loss: localDistillation(teacherOf(11)) }];
  expect(refusalOf(() => localSums(pairs, teacher)).message).toMatch(/the teacher's features/u);
});

test("both phases leave only what they give", async () => {
  const [inputs, groups] = [inputsOf(6), someAlike(6)];
  const pairs = { ...pairsOf(inputs, 0, 1), chunk: 2 };
  for (const { name, terms } of cases) {
    const all = terms(6, groups);
    let sums = {};
    const left = await tensorsLeftBy(() => (sums = localSums(pairs, all)));
    expect(left, name).toBe(Object.keys(sums).length);
    expect(await tensorsLeftBy(() => dispose(tidy(() => localLoss(pairs, all, sums)))), name).toBe(0);
    dispose(sums);
  }
});
