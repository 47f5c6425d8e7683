import { isDeepStrictEqual } from "node:util";
import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { Batch } from "@clip-ts/data";
import { gatherRows, type Communicator } from "@clip-ts/distributed";
import { graphOpener, type Compiler } from "@clip-ts/engines";
import { areaOf, inputLength, isPatches, normalizePlanes, planesOnly, type Preprocessing } from "@clip-ts/image";
import { closing, graphEmbedder, loadEmbedder, needTokenizer, type ModelDescription } from "@clip-ts/inference";
import type { Embedder, TokenizedTexts } from "@clip-ts/model";
import { openModel } from "@clip-ts/node";
import { textTower } from "@clip-ts/text-encoder";
import { readsPadding } from "@clip-ts/tokenizer";
import { rowRanges, type RowRange } from "@clip-ts/training";
import { onNotice } from "../../cli/output.ts";
import type { TrainingDataOptions } from "../../config/batches.ts";
import type { TeacherOptions } from "../../config/options.ts";

/** A teacher's pixels of rows of a student's batch. They may lie in its memory. */
export type TeacherPixels = (batch: Batch, rows: RowRange) => Float32Array;

/** Who teaches, and how images are changed at random; nothing by default. */
export interface TeacherPixelsOptions {
  readonly distill: { readonly from: string };
  readonly data: { readonly augment?: object | undefined; readonly view?: object | undefined };
}

type Described = Pick<ModelDescription, "config" | "preprocess">;

/** What both must agree on; random crops leave nothing of how a whole image is made to fit. */
function framingOf(
  { config, preprocess }: Described,
  { augment, view }: TeacherPixelsOptions["data"],
): Record<string, unknown> {
  if (isPatches(preprocess)) {
    const { patchSize, maxPatches, interpolation } = preprocess;
    return { patchSize, maxPatches, interpolation };
  }
  const { resize, resizeTo, longestEdge, fill, interpolation } = preprocess;
  const isRandom = augment !== undefined || view !== undefined;
  return {
    imageSize: config.vision.imageSize,
    ...(isRandom ? {} : { resize, resizeTo, longestEdge, fill, interpolation }),
  };
}

function assertSameFraming({ distill, data }: TeacherPixelsOptions, student: Described, teacher: Described): void {
  const [own, other] = [framingOf(student, data), framingOf(teacher, data)];
  if (JSON.stringify(own) === JSON.stringify(other)) return;
  throw new ClipError(
    "bad-config",
    `"distill.from": a teacher must see the pixels that its student sees; ${distill?.from} ` +
      `takes ${JSON.stringify(other)}, the student ${JSON.stringify(own)}. Take a teacher of the same ` +
      "image size; where only the resize differs, data.augment or data.view makes one crop for both.",
    { data: { student: own, teacher: other } },
  );
}

/** (value · std + mean - mean') / std' for each plane, as one factor and one summand. */
function renormalize(pixels: Float32Array, student: Preprocessing, teacher: Preprocessing): Float32Array {
  const [from, to] = [student, teacher].map((config) => planesOnly(config, "A teacher of another normalisation"));
  if (from === undefined || to === undefined) return pixels;
  const area = areaOf(to.size);
  const factors = from.std.map((std, channel) => std / (to.std[channel] as number));
  const summands = from.mean.map(
    (mean, channel) => (mean - (to.mean[channel] as number)) / (to.std[channel] as number),
  );
  return pixels.map((value, index) => {
    const channel = Math.floor(index / area) % 3;
    return value * (factors[channel] as number) + (summands[channel] as number);
  });
}

/**
 * How a teacher's pixels come from its student's: the same picture under the teacher's own
 * normalisation. @throws ClipError "bad-config" if their pictures are not framed alike.
 */
function teacherPixels(options: TeacherPixelsOptions, student: Described, teacher: Described): TeacherPixels {
  assertSameFraming(options, student, teacher);
  const [from, to] = [student.preprocess, teacher.preprocess];
  const isSame = [0, 1, 2].every(
    (channel) => from.mean[channel] === to.mean[channel] && from.std[channel] === to.std[channel],
  );
  return (batch, rows) => {
    const area = areaOf(batch.imageSize);
    const length = isPatches(to) ? inputLength(to) : 3 * area;
    const [start, end] = [rows.start * length, rows.end * length];
    if (batch.pixels !== undefined) return normalizePlanes(batch.pixels.data.subarray(start, end), area, to);
    const pixels = batch.pixelValues.subarray(start, end);
    return isSame ? pixels : renormalize(pixels, from, to);
  };
}

/** What a teacher reads of a batch: rows of the tokens that its captions need, or of `tokens` if that is more. */
export type TeacherTexts = (batch: Batch, tokens?: number) => TokenizedTexts;

/** Who teaches, and what is read of the data. */
export interface TeacherTextsOptions {
  readonly distill: { readonly from: string };
  readonly data: Pick<TrainingDataOptions, "train" | "bucketMultiple">;
}

type DescribedTexts = Pick<ModelDescription, "config" | "tokenizer">;

/** A tokenizer's files, but for how rows are cut and filled up. */
function vocabularyOf(tokenizer: NonNullable<DescribedTexts["tokenizer"]>): Record<string, unknown> {
  const { "tokenizer_config.json": _, ...files } = tokenizer.files();
  const whole = files["tokenizer.json"];
  if (typeof whole !== "object") return files;
  return { ...files, "tokenizer.json": { ...whole, truncation: null, padding: null } };
}

/** The ids that a text tower knows by their meaning. */
function idsOf({ config: { text } }: DescribedTexts): Record<string, unknown> {
  const { kind = "clip", vocabSize, endTokenId } = text;
  const masks = textTower(text).readsMask ? { padTokenId: text.padTokenId } : {};
  return { kind, vocabSize, endTokenId, ...masks };
}

/** Ids mean the same to both. Where neither has a tokenizer, their sizes must speak for them. */
function assertSameVocabulary(place: string | undefined, student: DescribedTexts, teacher: DescribedTexts): void {
  const [own, other] = [idsOf(student), idsOf(teacher)];
  const [ownFiles, otherFiles] = [student, teacher].map(({ tokenizer }) =>
    tokenizer === undefined ? undefined : vocabularyOf(tokenizer),
  );
  if (isDeepStrictEqual(own, other) && isDeepStrictEqual(ownFiles, otherFiles)) return;
  throw new ClipError(
    "bad-config",
    `"distill.from": stored ids mean the same only to models with one tokenizer; ` +
      `${place} has ${JSON.stringify(other)}, the student ${JSON.stringify(own)}` +
      `${isDeepStrictEqual(own, other) ? ", but another tokenizer.json" : ""}. Train on captions ` +
      "instead of tensors: each model then reads them with its own tokenizer.",
    { data: { student: own, teacher: other } },
  );
}

function assertWholeRows(place: string | undefined, tokens: number, contextLength: number): void {
  if (tokens === contextLength) return;
  throw new ClipError(
    "bad-shape",
    `"distill.from": ${place} reads padding, so its rows must have all ` +
      `${contextLength} ids; the stored ids have ${tokens}. Store them padded to ${contextLength}, or ` +
      "train on captions.",
    { data: { tokens, contextLength } },
  );
}

/**
 * How a teacher reads a batch: the captions with its own tokenizer, padded as that pads; where the data
 * is tensors, the student's ids.
 * @throws ClipError "bad-config" if those ids are not the teacher's, "unsupported" without a tokenizer.
 */
function teacherTexts(
  { distill, data }: TeacherTextsOptions,
  student: DescribedTexts,
  teacher: ModelDescription,
): TeacherTexts {
  const { train, bucketMultiple } = data;
  if (train.kind !== "tensors") {
    const tokenizer = needTokenizer(teacher);
    return ({ captions }, tokens) => tokenizer.encodeBatch(captions, { multiple: tokens ?? bucketMultiple });
  }
  assertSameVocabulary(distill?.from, student, teacher);
  const isWhole = readsPadding(teacher.config.text);
  return ({ inputIds, batch, tokens }) => {
    if (isWhole) assertWholeRows(distill?.from, tokens, teacher.config.text.contextLength);
    return { inputIds, batch, tokens };
  };
}

/** A model whose matching a student learns to give as well. */
export interface Teacher {
  /** Its features of a batch and its scale, by the names that a step knows them. */
  readonly features: (batch: Batch) => Promise<HostArrays>;
  readonly dispose: () => void;
}

/** What a teacher is asked with. */
interface TeacherParts {
  readonly embedder: Embedder;
  /** Length of its features. */
  readonly dim: number;
  readonly toPixels: TeacherPixels;
  readonly toTexts: TeacherTexts;
  /** Micro-batches: as many as the student's, so that the teacher takes no more memory at a time. */
  readonly parts: number;
  /** Those who teach parts of the same batches. */
  readonly ranks: Communicator;
}

/** The batch's texts, as wide as those of all ranks. */
async function textsOf({ toTexts, ranks }: TeacherParts, batch: Batch): Promise<TokenizedTexts> {
  const own = toTexts(batch);
  const widest = Float32Array.of(own.tokens);
  await ranks.reduce(widest, "max");
  return widest[0] === own.tokens ? own : toTexts(batch, widest[0]);
}

/** Features of all pairs of a batch, computed a micro-batch at a time, this rank's by itself. */
async function featuresOf(teacher: TeacherParts, batch: Batch): Promise<HostArrays> {
  const { embedder, dim, toPixels, parts, ranks } = teacher;
  const rows = batch.batch;
  const { inputIds, tokens } = await textsOf(teacher, batch);
  const [images, texts] = [new Float32Array(rows * dim), new Float32Array(rows * dim)];
  for (const range of rowRanges(rows, parts)) {
    const { start, end } = range;
    images.set(await embedder.images(toPixels(batch, range), end - start), start * dim);
    const ids = inputIds.subarray(start * tokens, end * tokens);
    texts.set(await embedder.texts({ inputIds: ids, batch: end - start, tokens }), start * dim);
  }
  return {
    teacherImages: await gatherRows(ranks, { data: images, shape: [rows, dim] }),
    teacherTexts: await gatherRows(ranks, { data: texts, shape: [rows, dim] }),
    teacherScale: { data: Float32Array.of(Math.exp(embedder.logitScale)), shape: [] },
  };
}

/**
 * Loads a teacher. The caller disposes it.
 * @throws ClipError "bad-config" if it cannot be shown what its student is shown.
 */
export async function openTeacher(
  options: TeacherOptions,
  student: ModelDescription,
  { compiler, ranks }: { readonly compiler: Compiler | undefined; readonly ranks: Communicator },
): Promise<Teacher> {
  const { distill, parts } = options;
  const model = await openModel(distill.from, { onNotice });
  const toPixels = teacherPixels(options, student, model);
  const toTexts = teacherTexts(options, student, model);
  const embedder = await closing(model, async () => {
    const graphs = await model.graphs();
    if (graphs === undefined) return loadEmbedder(model, compiler);
    // Stored graphs run on ONNX Runtime beside whatever engine trains.
    const { config, place } = model;
    return graphEmbedder({ graphs, config, place, engine: { openGraph: graphOpener() } }, { readies: true });
  });
  const dim = model.config.projectionDim;
  const teacher = { embedder, dim, toPixels, toTexts, parts, ranks };
  return { features: (batch) => featuresOf(teacher, batch), dispose: () => embedder.dispose() };
}
