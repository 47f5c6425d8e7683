import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import type { Batch } from "@clip-ts/data";
import { areaOf, siglipPreprocess } from "@clip-ts/image";
import { optimize, peakBytes, type Target } from "@clip-ts/jit";
import { initClip, preset, type ClipConfig } from "@clip-ts/model";
import { singleProcess } from "@clip-ts/distributed";
import { startEngine, type Compiler } from "@clip-ts/engines";
import { goldenPath, relativeError, useEngine } from "@clip-ts/test-utils";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { openTrainingBatches } from "../../config/batches.ts";
import { openRunModel } from "../../config/model.ts";
import { configOf, folder } from "./run-here.test.ts";
import { openTeacher, type Teacher } from "./teacher.ts";
import type { RunOptions, TeacherOptions } from "../../config/options.ts";
import { closing, loadEmbedder, needTokenizer, tokenizerFor, type ModelDescription } from "@clip-ts/inference";
import { exportOnnxFolder, openModel, writeModel } from "@clip-ts/node";

beforeAll(() => useEngine("cpu"));

const nano = preset("nano");
const textOf = (changes: object): ClipConfig => ({ ...nano, text: { ...nano.text, ...changes } }) as ClipConfig;

/** Writes a teacher: the smallest model with random weights, changed as asked. */
async function writeTeacher(name: string, { config = nano, ...changes }: Partial<ModelDescription>): Promise<string> {
  const { description } = await openRunModel(configOf("student", {}).model);
  const leaves = flattenTree<Tensor>(initClip(config, 7));
  const path = join(folder, name);
  await writeModel(path, { ...description, ...tokenizerFor(config), ...changes, config }, leaves);
  dispose(leaves as never);
  return path;
}

const student = async (config: RunOptions): Promise<ModelDescription> => (await openRunModel(config.model)).description;

async function teacherOf(config: RunOptions, compiler?: Compiler): Promise<Teacher> {
  return openTeacher(config.teacher as TeacherOptions, await student(config), { compiler, ranks: singleProcess() });
}

async function firstBatch(config: RunOptions, description: ModelDescription): Promise<Batch> {
  const batches = await openTrainingBatches(config.data, description);
  const batch = await batches.next();
  await batches.close();
  return batch;
}

const squashed = siglipPreprocess(8);
const teachers: Record<string, Partial<ModelDescription>> = {
  "another normalisation": { preprocess: { ...squashed, resize: "shortest" } },
  "another vocabulary": { config: textOf({ vocabSize: 700, startTokenId: 698, endTokenId: 699 }) },
  "a longer context": { config: textOf({ contextLength: 20 }) },
  "a shorter context": { config: textOf({ contextLength: 6 }) },
  "no causal mask": { config: textOf({ causal: false, contextLength: 20 }) },
  "its last token pooled": { config: textOf({ pooling: "last", contextLength: 20 }) },
};

test.each(Object.entries(teachers))(
  "a teacher with %s says what it says of the images and captions themselves",
  async (name, changes) => {
    const from = await writeTeacher(name, changes);
    const config = configOf("seen", { distill: { from }, data: { bucketMultiple: 4 } });
    const own = await openModel(from);
    const [shown, itself] = [
      await firstBatch(config, await student(config)),
      await firstBatch(config, { ...(await student(config)), preprocess: own.preprocess }),
    ];
    const teacher = await teacherOf(config);
    const { teacherImages, teacherTexts } = await teacher.features(shown);
    const embedder = await closing(own, () => loadEmbedder(own));
    const images = await embedder.images(itself.pixelValues, itself.batch);
    const texts = await embedder.texts(needTokenizer(own).encodeBatch(shown.captions));
    expect(relativeError(teacherImages!.data, images)).toBeLessThan(1e-5);
    expect(relativeError(teacherTexts!.data, texts)).toBeLessThan(1e-5);
    embedder.dispose();
    teacher.dispose();
  },
);

test("a teacher may be a folder of graphs, in the form of @huggingface/transformers", async () => {
  const from = await writeTeacher("weights", teachers["another normalisation"]!);
  const graphs = join(folder, "graphs");
  await exportOnnxFolder(from, graphs);
  const [whole, stored] = [from, graphs].map((place) => configOf("taught", { distill: { from: place } }));
  const batch = await firstBatch(whole!, await student(whole!));
  const [one, other] = [await teacherOf(whole!), await teacherOf(stored!)];
  const [expected, found] = [await one.features(batch), await other.features(batch)];
  for (const name of ["teacherImages", "teacherTexts", "teacherScale"]) {
    expect(relativeError(found[name]!.data, expected[name]!.data), name).toBeLessThan(1e-5);
  }
  one.dispose();
  other.dispose();
});

test("a teacher reads a batch's bytes by its own normalisation, to the last bit", async () => {
  const from = await writeTeacher("of-bytes", teachers["another normalisation"]!);
  const config = configOf("bytes", { distill: { from }, accumulate: 2 });
  const own = await openModel(from);
  const { preprocess } = await student(config);
  const { pixelValues, ...batch } = await firstBatch(config, await student(config));
  const area = areaOf(batch.imageSize);
  const data = Uint8ClampedArray.from(pixelValues, (value, at) => {
    const channel = Math.floor(at / area) % 3;
    return Math.round((value * preprocess.std[channel]! + preprocess.mean[channel]!) * 255);
  });
  const shown: Batch = {
    ...batch,
    pixels: { data, mean: preprocess.mean, std: preprocess.std },
    get pixelValues(): Float32Array {
      throw new Error("A teacher reads bytes.");
    },
  };
  const teacher = await teacherOf(config);
  const { teacherImages } = await teacher.features(shown);
  const seen = await firstBatch(config, { ...(await student(config)), preprocess: own.preprocess });
  const embedder = await closing(own, () => loadEmbedder(own));
  expect(teacherImages!.data).toEqual(await embedder.images(seen.pixelValues, seen.batch));
  embedder.dispose();
  teacher.dispose();
});

test("a teacher that frames whole images otherwise is refused, but not where crops are random", async () => {
  const from = await writeTeacher("squashing", { preprocess: squashed });
  const refused = teacherOf(configOf("framed", { distill: { from } }));
  await expect(refused).rejects.toThrow(
    'takes {"imageSize":8,"resize":"squash","interpolation":"bicubic"}, the student ' +
      '{"imageSize":8,"resize":"shortest","interpolation":"bicubic"}',
  );
  const data = { view: { scale: [0.5, 1] } };
  (await teacherOf(configOf("framed", { distill: { from }, data }))).dispose();
});

const tensors = {
  train: { kind: "tensors", path: goldenPath("clip-vit/train-batches.safetensors") },
};

test("ids are only shown to a teacher that reads them alike", async () => {
  const { config } = teachers["another vocabulary"] as { config: ClipConfig };
  const from = await writeTeacher("of-other-ids", { config });
  const refused = teacherOf(configOf("ids", { distill: { from }, data: tensors }));
  await expect(refused).rejects.toThrow('"vocabSize":700,"endTokenId":699}, the student');
  const alike = await writeTeacher("of-these-ids", {});
  (await teacherOf(configOf("ids", { distill: { from: alike }, data: tensors }))).dispose();
});

/** The reference SigLIP with a small tokenizer of its kind, of which one piece may be another. */
function writeSiglip(name: string, piece?: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const file of ["config.json", "model.safetensors"]) {
    copyFileSync(goldenPath(`siglip/${file}`), join(path, file));
  }
  const fixture = goldenPath("../../tokenizer/src/fixtures/siglip.json");
  const { tokenizer } = JSON.parse(readFileSync(fixture, "utf8")) as {
    tokenizer: { model: { vocab: [string, number][] } };
  };
  const { vocab } = tokenizer.model;
  if (piece !== undefined) vocab[vocab.length - 1] = [piece, -9];
  writeFileSync(join(path, "tokenizer.json"), JSON.stringify(tokenizer));
  return path;
}

test("stored ids of one SigLIP mean nothing to one with another tokenizer of as many ids", async () => {
  const [own, alike, other] = ["own", "alike"].map((name) => writeSiglip(name));
  const taught = (from: string): Promise<Teacher> =>
    teacherOf(configOf("siglips", { model: { from: own }, distill: { from }, data: tensors }));
  (await taught(alike as string)).dispose();
  await expect(taught(other ?? writeSiglip("other", "zebra"))).rejects.toThrow("but another tokenizer.json");
});

test("stored ids that fill no context are refused by a teacher that reads padding", async () => {
  const config = textOf({ causal: false });
  const from = await writeTeacher("whole-rows", { config });
  const teacher = await teacherOf(configOf("rows", { distill: { from }, data: tensors }));
  const batch = await firstBatch(configOf("rows", {}), await student(configOf("rows", {})));
  const narrow = { ...batch, tokens: 8, inputIds: batch.inputIds.slice(0, 8 * batch.batch) };
  await expect(teacher.features(narrow)).rejects.toThrow("must have all 12 ids");
  teacher.dispose();
});

/** A teacher's features of a batch, and the bytes that its largest graph holds at its worst. */
async function taughtBy(accumulate: number, batchSize: number) {
  const from = await writeTeacher("micro", {});
  const config = configOf("micro", {
    distill: { from },
    accumulate,
    data: { batchSize, bucketMultiple: 12 },
  });
  const { compiler } = await startEngine("onnx");
  const peaks: number[] = [];
  const target: Target = (graph, use) => {
    peaks.push(peakBytes(optimize(graph)));
    return (compiler as Compiler).target(graph, use);
  };
  const teacher = await teacherOf(config, { ...(compiler as Compiler), target });
  const features = await teacher.features(await firstBatch(config, await student(config)));
  teacher.dispose();
  return { features, peak: Math.max(...peaks) };
}

test("a teacher takes a micro-batch at a time, and no more memory than for that", async () => {
  const [whole, parts, one] = [await taughtBy(1, 16), await taughtBy(8, 2), await taughtBy(1, 2)];
  for (const name of ["teacherImages", "teacherTexts"]) {
    expect(relativeError(parts.features[name]!.data, whole.features[name]!.data)).toBeLessThan(1e-5);
  }
  expect(parts.peak).toBe(one.peak);
});
