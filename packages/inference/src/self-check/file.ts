import { ClipError, isClipError, parseJsonFile, shown, type ImageSize } from "@clip-ts/base";
import type { IdRows } from "./probes.ts";

/** How an engine multiplies matrices: 32 bits, TF32 (10 bits of mantissa, GPUs) or bfloat16 (7 bits). */
type MatmulPrecision = "f32" | "tf32" | "bf16";

/** The same, or what an engine keeps weights as, where it is less than that: half precision or 8 bits. */
export type CheckPrecision = MatmulPrecision | "f16" | "q8";

/** Probe pictures of a check: `probePicture` of a seed goes through the model's own preprocessing. */
export interface CheckedPictures {
  readonly seeds: readonly number[];
  /** CRC-32 of what preprocessing makes of each, to tell a changed preprocessing from a wrong tower. */
  readonly prepared: readonly number[];
  /** Unit features, one row for each seed, [seeds, dim]; decimals that give the same 32-bit floats back. */
  readonly features: readonly (readonly number[])[];
}

/** Probe captions of a check. */
export interface CheckedCaptions {
  /** Absent where the model has no tokenizer: then only ids are known. */
  readonly texts?: readonly string[];
  /** What the tokenizer made of each, one row each, as they go into the tower. */
  readonly ids: IdRows;
  /** Unit features, one row for each caption, [captions, dim]. */
  readonly features: readonly (readonly number[])[];
}

/** What computed a check's features. */
export interface CheckMaker {
  readonly engine: string;
  readonly precision: CheckPrecision;
  /** Of clip-ts. */
  readonly version: string;
}

/** A few probe pictures and captions, and the features that the model gives them. Plain data, a JSON file. */
export interface SelfCheck {
  readonly format: 1;
  /** Values of a feature. */
  readonly dim: number;
  /** Pixels a side that pictures are brought to. */
  readonly imageSize: ImageSize;
  /** Absent where pictures do not become the tower's input by preprocessing alone. */
  readonly pictures?: CheckedPictures;
  readonly captions: CheckedCaptions;
  /** Largest distance of a unit feature from the one here, by how the engine that is checked multiplies. */
  readonly tolerances: Readonly<Record<MatmulPrecision, number> & Partial<Record<CheckPrecision, number>>>;
  readonly madeBy: CheckMaker;
}

/** Nine significant digits give a 32-bit float back, whatever it is (IEEE 754-2019, 5.12.2). */
export const decimals = (values: Float32Array): number[] => Array.from(values, (value) => Number(value.toPrecision(9)));

const numberLists = /\[\s+(-?\d[^[\]{}"]*?)\s+\]/gu;

/** The text of a `self-check.json`: a line for each row of numbers. */
export function formatSelfCheck(check: SelfCheck): string {
  const text = JSON.stringify(check, null, 2);
  return `${text.replaceAll(numberLists, (_, list: string) => `[${list.replaceAll(/\s+/gu, " ")}]`)}\n`;
}

type Json = Readonly<Record<string, unknown>>;

/** Refuses what is no check, naming what should be where. */
function expect(condition: boolean, what: string, found: unknown): asserts condition {
  if (!condition) throw new ClipError("bad-data", `expected ${what}, got ${shown(found)}`);
}

function record(value: unknown, what: string): Json {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), what, value);
  return value as Json;
}

const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** Rows of numbers, all of one length. */
function rowsOf(value: unknown, what: string, isRight: (value: unknown) => boolean): readonly (readonly number[])[] {
  expect(Array.isArray(value) && value.length > 0, `${what} to be rows of numbers`, value);
  const rows = value as readonly unknown[];
  const length = (rows[0] as readonly unknown[] | undefined)?.length;
  for (const row of rows) {
    const isRow = Array.isArray(row) && row.length === length && row.length > 0 && row.every(isRight);
    expect(isRow, `each row of ${what} to be ${length ?? "some"} numbers`, row);
  }
  return rows as readonly (readonly number[])[];
}

const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);

function featuresOf(value: unknown, what: string, [rows, dim]: readonly [number, number]): void {
  const features = rowsOf(value, what, isNumber);
  expect(features.length === rows && features[0]?.length === dim, `${what} of shape [${rows}, ${dim}]`, [
    features.length,
    features[0]?.length,
  ]);
}

function checkPictures(value: unknown, dim: number): void {
  const { seeds, prepared, features } = record(value, "pictures to be an object");
  for (const [name, list] of Object.entries({ seeds, prepared })) {
    expect(Array.isArray(list) && list.length > 0 && list.every(isWhole), `pictures.${name} to be whole numbers`, list);
  }
  const { length } = seeds as readonly number[];
  expect((prepared as readonly number[]).length === length, `pictures.prepared to have ${length} numbers`, prepared);
  featuresOf(features, "pictures.features", [length, dim]);
}

function checkCaptions(value: unknown, dim: number): void {
  const { texts, ids, features } = record(value, "captions to be an object");
  const { length } = rowsOf(ids, "captions.ids", isWhole);
  if (texts !== undefined) {
    const areTexts = Array.isArray(texts) && texts.length === length && texts.every((text) => typeof text === "string");
    expect(areTexts, `captions.texts to be ${length} texts`, texts);
  }
  featuresOf(features, "captions.features", [length, dim]);
}

const matmulPrecisions: readonly CheckPrecision[] = ["f32", "tf32", "bf16"];
/** Files that were written before there were engines that keep weights so have no tolerances for them. */
const weightPrecisions: readonly CheckPrecision[] = ["f16", "q8"];
const precisions = [...matmulPrecisions, ...weightPrecisions];

function checkFacts({ tolerances, madeBy }: Json): void {
  const allowed = record(tolerances, "tolerances to be an object");
  for (const name of precisions) {
    const value = allowed[name];
    if (value === undefined && weightPrecisions.includes(name)) continue;
    expect(isNumber(value) && (value as number) > 0, `tolerances.${name} to be a number above 0`, value);
  }
  const { engine, precision, version } = record(madeBy, "madeBy to be an object");
  expect(typeof engine === "string", "madeBy.engine to be a name", engine);
  expect(
    precisions.includes(precision as CheckPrecision),
    `madeBy.precision to be ${precisions.join(", ")}`,
    precision,
  );
  expect(typeof version === "string", "madeBy.version to be a version", version);
}

function asCheck(json: unknown): SelfCheck {
  const content = record(json, "an object");
  const { format, dim, imageSize, pictures, captions } = content;
  expect(format === 1, "format 1, which this version of clip-ts reads", format);
  expect(isWhole(dim) && dim !== 0, "dim to be a whole number", dim);
  const sides = Array.isArray(imageSize) && imageSize.length === 2 ? imageSize : [imageSize];
  const isSize = sides.every((side) => isWhole(side) && side !== 0);
  expect(isSize, "imageSize to be a whole number, or height and width", imageSize);
  if (pictures !== undefined) checkPictures(pictures, dim as number);
  checkCaptions(captions, dim as number);
  checkFacts(content);
  return content as unknown as SelfCheck;
}

/**
 * Reads the text of a `self-check.json`.
 * @throws ClipError "bad-data" that names the file and what in it is not as it should be.
 */
export function parseSelfCheck(text: string, path: string): SelfCheck {
  const json = parseJsonFile(text, path);
  try {
    return asCheck(json);
  } catch (error) {
    if (!isClipError(error)) throw error;
    throw new ClipError(
      "bad-data",
      `${path} is damaged, or no proof of a model: ${error.message}. Fetch the model again, or delete this file and ` +
        "write another with clip-ts convert.",
      { data: { path }, cause: error },
    );
  }
}
