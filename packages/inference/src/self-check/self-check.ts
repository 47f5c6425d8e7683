import { ClipError, selfCheckFile, shownSize } from "@clip-ts/base";
import { inputShape, inputSize } from "@clip-ts/image";
import type { Embedder } from "@clip-ts/model";
import { pixelForm } from "@clip-ts/vision-encoder";
import type { ModelFacts } from "../read-description.ts";
import type { FoundTokenizer } from "../read-tokenizer.ts";
import { decimals, type CheckedCaptions, type CheckedPictures, type CheckMaker, type SelfCheck } from "./file.ts";
import type { CheckPrecision } from "./file.ts";
import {
  encodeCaptions,
  idBatch,
  pictureSeeds,
  preparePicture,
  probeCaptions,
  randomIds,
  type IdRows,
} from "./probes.ts";

/** What a check needs of an open model. */
export interface CheckedModel {
  readonly description: ModelFacts & Pick<FoundTokenizer, "tokenizer">;
  readonly embedder: Pick<Embedder, "images" | "texts">;
}

/**
 * How far a unit feature may be from the stored one: the length of the difference, so that it means the same in every
 * dimension. Engines differ by about 1e-6 in f32; an operand of TF32 is off by up to 5e-4, of bf16 by up to 4e-3,
 * which layers add up.
 */
const tolerances: Readonly<Record<CheckPrecision, number>> = { f32: 1e-4, tf32: 1e-2, bf16: 5e-2, f16: 1e-2, q8: 0.15 };

/** What gave another result than it should. */
export type SelfCheckFault = "features" | "preprocessing" | "tokenizer" | "other-model";

/** What a check found. */
export interface SelfCheckResult {
  readonly passed: boolean;
  /** Largest distance of a unit feature from the stored one, of pictures and captions; Infinity for no numbers. */
  readonly largest: number;
  /** The largest distance that would have passed. */
  readonly allowed: number;
  /** Absent where it passed. "features" means the weights or what computes with them. */
  readonly fault?: SelfCheckFault;
  /** One line for people, without the name of model or engine. */
  readonly said: string;
  /** What the model gave, pictures first: two engines that agree here have the same weights. */
  readonly features: readonly Float32Array[];
}

function rowsOf(features: Float32Array, rows: number): Float32Array[] {
  const dim = features.length / rows;
  return Array.from({ length: rows }, (_, row) => features.slice(row * dim, (row + 1) * dim));
}

/** Distance of two rows of 32-bit floats; Infinity where one is no number or they are of different lengths. */
function distance(found: ArrayLike<number>, stored: ArrayLike<number>): number {
  if (found.length !== stored.length) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let at = 0; at < found.length; at++) sum += ((found[at] ?? 0) - Math.fround(stored[at] ?? 0)) ** 2;
  return Number.isNaN(sum) ? Number.POSITIVE_INFINITY : Math.sqrt(sum);
}

/** The largest distance of rows from others. */
export function largestDistance(found: readonly ArrayLike<number>[], stored: readonly ArrayLike<number>[]): number {
  return Math.max(0, ...found.map((row, at) => distance(row, stored[at] ?? [])));
}

/** Features of pictures, one at a time: the size of batch that every use of a model has. */
async function embedPictures(
  seeds: readonly number[],
  { description, embedder }: CheckedModel,
): Promise<{ readonly prepared: readonly number[]; readonly features: readonly Float32Array[] }> {
  const [prepared, features]: [number[], Float32Array[]] = [[], []];
  for (const seed of seeds) {
    const picture = await preparePicture(seed, description.preprocess);
    prepared.push(picture.crc32);
    features.push(await embedder.images(picture.planes, 1));
  }
  return { prepared, features };
}

async function embedIds(ids: IdRows, { embedder }: CheckedModel): Promise<readonly Float32Array[]> {
  return rowsOf(await embedder.texts(idBatch(ids)), ids.length);
}

/** Whether preprocessing alone makes the vision tower's input. */
function seesPictures({ config, preprocess }: CheckedModel["description"]): boolean {
  const [, ...made] = inputShape(preprocess, 1);
  const { shape } = pixelForm(config.vision);
  return shape.length === made.length && shape.every((side, at) => typeof side !== "number" || side === made[at]);
}

function written(features: readonly Float32Array[], what: string): number[][] {
  const rows = features.map(decimals);
  if (rows.flat().every(Number.isFinite)) return rows;
  throw new ClipError(
    "bad-weights",
    `The model gives probe ${what} features that are no numbers: it cannot be proved. Look at its weights.`,
  );
}

async function checkedPictures(model: CheckedModel): Promise<CheckedPictures | undefined> {
  if (!seesPictures(model.description)) return undefined;
  const { prepared, features } = await embedPictures(pictureSeeds, model);
  return { seeds: pictureSeeds, prepared, features: written(features, "pictures") };
}

async function checkedCaptions(model: CheckedModel): Promise<CheckedCaptions> {
  const { config, tokenizer } = model.description;
  const ids = tokenizer === undefined ? randomIds(config) : encodeCaptions(tokenizer, probeCaptions);
  const features = written(await embedIds(ids, model), "captions");
  return { ...(tokenizer !== undefined && { texts: probeCaptions }), ids, features };
}

/**
 * Embeds the probes and writes down what they give. The engine that computes is believed.
 * @throws ClipError "bad-weights" for a model that gives no numbers.
 */
export async function makeSelfCheck(model: CheckedModel, madeBy: CheckMaker): Promise<SelfCheck> {
  const { config, preprocess } = model.description;
  const pictures = await checkedPictures(model);
  return {
    format: 1,
    dim: config.projectionDim,
    imageSize: inputSize(preprocess),
    ...(pictures !== undefined && { pictures }),
    captions: await checkedCaptions(model),
    tolerances,
    madeBy,
  };
}

/** The stored ids, if the tokenizer makes them of the texts or there is nothing to compare. */
function tokenizerDiffers({ texts, ids }: CheckedCaptions, { tokenizer }: CheckedModel["description"]): boolean {
  if (tokenizer === undefined || texts === undefined) return false;
  return JSON.stringify(encodeCaptions(tokenizer, texts)) !== JSON.stringify(ids);
}

const shownDistance = (value: number): string => (Number.isFinite(value) ? value.toPrecision(2) : "no number");

/** What the check compares, pictures first. */
interface Compared {
  readonly largest: number;
  readonly features: readonly Float32Array[];
  /** Whether pictures are prepared to the bit as they were. */
  readonly isSamePicture: boolean;
  readonly pictureDistance: number;
}

async function compare(check: SelfCheck, model: CheckedModel): Promise<Compared> {
  const { pictures, captions } = check;
  const seen = await embedPictures(pictures?.seeds ?? [], model);
  const pictureDistance = largestDistance(seen.features, pictures?.features ?? []);
  const read = await embedIds(captions.ids, model);
  return {
    largest: Math.max(pictureDistance, largestDistance(read, captions.features)),
    features: [...seen.features, ...read],
    isSamePicture: seen.prepared.every((sum, at) => sum === pictures?.prepared[at]),
    pictureDistance,
  };
}

/** The file's numbers are as far off as its maker's and the engine's own may be. */
function allowedBy({ tolerances: said, madeBy }: SelfCheck, precision: CheckPrecision): number {
  const by = { ...tolerances, ...said };
  return Math.max(by[precision], by[madeBy.precision]);
}

/** Says what is wrong, the causes that are no engine's first: with them no engine could pass. */
function verdict(check: SelfCheck, model: CheckedModel, allowed: number, found: Compared): SelfCheckResult {
  const { largest, features, isSamePicture, pictureDistance } = found;
  const result = (said: string, fault?: SelfCheckFault): SelfCheckResult => ({
    passed: fault === undefined,
    largest,
    allowed,
    said,
    features,
    ...(fault !== undefined && { fault }),
  });
  if (tokenizerDiffers(check.captions, model.description)) {
    return result("the tokenizer makes other ids of the probe captions than those in the proof", "tokenizer");
  }
  if (!isSamePicture && pictureDistance > allowed) {
    return result("probe pictures are prepared otherwise than when the model was proved", "preprocessing");
  }
  const off = `features are up to ${shownDistance(largest)} from those in ${selfCheckFile}`;
  if (largest > allowed) return result(`${off}, where ${allowed} is allowed`, "features");
  return result(off);
}

/** Why a check cannot be this model's; undefined if it can. */
function strangeness({ dim, imageSize, pictures, captions }: SelfCheck, model: CheckedModel): string | undefined {
  const { config, preprocess } = model.description;
  const of = <Value extends number | string>(what: string, its: Value, own: Value): string | undefined =>
    its === own ? undefined : `it is another model's: ${what} ${its}, this model's ${own}`;
  const largestId = Math.max(...captions.ids.flat());
  const { vocabSize } = config.text;
  return (
    of("the values of its features are", dim, config.projectionDim) ??
    (pictures && of("the size of its images is", shownSize(imageSize), shownSize(inputSize(preprocess)))) ??
    (largestId < vocabSize ? undefined : `it is another model's: it has the token ${largestId} of ${vocabSize}`)
  );
}

/**
 * The check of a model that is open for other image sizes than its own: its captions, whose features stay the same.
 */
export function withoutPictures(check: SelfCheck): SelfCheck {
  const { pictures: _pictures, ...rest } = check;
  return rest;
}

/**
 * Embeds the probes of a check and compares. A tokenizer that the model lacks is not missed: the ids are in the check.
 * @throws whatever the engine throws.
 */
export async function runSelfCheck(
  check: SelfCheck,
  model: CheckedModel,
  options: { readonly precision?: CheckPrecision } = {},
): Promise<SelfCheckResult> {
  const allowed = allowedBy(check, options.precision ?? "f32");
  const said = strangeness(check, model);
  if (said !== undefined) {
    return { passed: false, largest: Number.POSITIVE_INFINITY, allowed, fault: "other-model", said, features: [] };
  }
  return verdict(check, model, allowed, await compare(check, model));
}
