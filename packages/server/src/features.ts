import { randomStream, type RandomStream } from "@clip-ts/base";
import type { StartedEngine } from "@clip-ts/engines";
import { inputLength, isPatches, joinInputs, preprocess, type Preprocessing } from "@clip-ts/image";
import { needTokenizer, type ModelDescription } from "@clip-ts/inference";
import type { Embedder } from "@clip-ts/model";
import { createBatcher, type BatchedOptions } from "./batcher.ts";
import { equalSizes } from "./equal-sizes.ts";

/** A model whose towers run on an engine. */
export interface ServedModel {
  readonly description: Pick<ModelDescription, "config" | "preprocess" | "tokenizer" | "missingTokenizer">;
  /** Stays the caller's. */
  readonly embedder: Embedder;
  readonly engine: Pick<StartedEngine, "name" | "detail"> & {
    readonly compiler?: { readonly target: { readonly prefersOpenSizes?: boolean } };
  };
}

/** What is told of a batch that was run. */
export interface BatchFacts {
  readonly side: "image" | "text";
  readonly rows: number;
  /** Rows that only fill it up. */
  readonly padding: number;
  readonly seconds: number;
}

/** A caption's feature and what it took. */
export interface TextFeature {
  /** [joint], of length 1. */
  readonly row: Float32Array;
  /** Tokens that were read, start and end among them. */
  readonly tokens: number;
  /** Of the batch's rows: what it was padded to. */
  readonly width: number;
}

/** Features of single pictures and captions, computed in batches of whoever asks at the same time. */
export interface Features {
  readonly dim: number;
  /** planes [3, size, size] → [joint], of length 1. */
  image(planes: Float32Array, options?: BatchedOptions): Promise<Float32Array>;
  text(text: string, options?: BatchedOptions): Promise<TextFeature>;
  /** Says that a picture is in the making, for which a batch waits a moment; gives what takes that back. */
  announceImage(): () => void;
  /** Inputs that wait for the engine. */
  waiting(): number;
  /** Batch sizes of a side that give equal bits; of captions by the width of their rows. */
  sizesOf(group: string): Promise<readonly number[]>;
}

type Input = Float32Array | Int32Array;

/** Captions are as wide as they need, in steps of so many tokens: a width that depends on nothing but the caption. */
const widthStep = 8;

/** The name of pictures' group. */
export const imageGroup = "image";

/** The name of the group of captions of so many tokens. */
export const textGroup = (tokens: number): string => `text ${tokens}`;

const widthOf = (group: string): number => Number(group.slice("text ".length));

/** Joins rows into one array of `size` rows. Those beyond the last are the first once more: every caption needs its end. */
function joined<Row extends Input>(rows: readonly Row[], target: Row, size: number): Row {
  const width = target.length / size;
  for (let row = 0; row < size; row++) target.set(rows[row < rows.length ? row : 0] as Row, row * width);
  return target;
}

function runnerOf({
  embedder,
}: ServedModel): (group: string, rows: readonly Input[], size: number) => Promise<Float32Array> {
  return (group, rows, size) => {
    const width = rows[0]?.length ?? 0;
    if (group === imageGroup) {
      return embedder.images(joined(rows as readonly Float32Array[], new Float32Array(size * width), size), size);
    }
    const inputIds = joined(rows as readonly Int32Array[], new Int32Array(size * width), size);
    return embedder.texts({ inputIds, batch: size, tokens: width });
  };
}

/** Noise as an image's numbers; of patches, an image of noise that has as many as may be. */
function noiseOf(config: Preprocessing, random: RandomStream): Float32Array {
  const [length, side] = [inputLength(config), 32];
  if (!isPatches(config)) return Float32Array.from({ length }, () => 2 * random.uniform() - 1);
  const data = Uint8Array.from({ length: 3 * side * side }, () => random.integer(256));
  return joinInputs([preprocess({ data, width: side, height: side, channels: 3 }, config)], length);
}

/** The probe of a group with a number: noise, or words drawn by the number. */
function probeOf({ description }: ServedModel, group: string, number: number): Input {
  const random = randomStream(20, group, String(number));
  if (group === imageGroup) {
    return noiseOf(description.preprocess, random);
  }
  const width = widthOf(group);
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const word = (): string => letters[random.integer(letters.length)] ?? "a";
  const text = Array.from({ length: width }, word).join(" ");
  return needTokenizer(description).encodeBatch([text], { tokens: width }).inputIds;
}

function remember<Value>(find: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const known = new Map<string, Promise<Value>>();
  return (key) => {
    const value = known.get(key) ?? find(key);
    known.set(key, value);
    value.catch(() => known.delete(key)); // what failed is tried again
    return value;
  };
}

/** Batches of a model's inputs: of up to `most` rows, at sizes at which a row's bits depend on the row alone. */
export function createFeatures(
  model: ServedModel,
  most: number,
  onBatch: (facts: BatchFacts) => void = () => undefined,
): Features {
  const { description, engine } = model;
  const dim = description.config.projectionDim;
  const runRows = runnerOf(model);
  const { target } = engine.compiler ?? {};
  // An engine that compiles for every shape gets one: each costs seconds and memory.
  const hasOneSize = target !== undefined && target.prefersOpenSizes !== true;
  const sizesOf = remember((group: string): Promise<readonly number[]> => {
    if (hasOneSize) return Promise.resolve([most]);
    const probes = Array.from({ length: most }, (_, number) => probeOf(model, group, number));
    return equalSizes({
      most,
      dim,
      run: (numbers) =>
        runRows(
          group,
          numbers.map((number) => probes[number] as Input),
          numbers.length,
        ),
    });
  });
  const runSome = async (group: string, rows: readonly Input[], size: number): Promise<Float32Array[]> => {
    const start = performance.now();
    const values = await runRows(group, rows, size);
    const seconds = (performance.now() - start) / 1000;
    onBatch({ side: group === imageGroup ? "image" : "text", rows: rows.length, padding: size - rows.length, seconds });
    return rows.map((_, row) => values.slice(row * dim, (row + 1) * dim));
  };
  const batcher = createBatcher<Input, Float32Array>({
    mostItems: most,
    run: async (group, rows) => {
      const sizes = await sizesOf(group);
      const size = sizes.find((size) => size >= rows.length);
      if (size !== undefined) return runSome(group, rows, size);
      const alone: Float32Array[] = [];
      for (const row of rows) alone.push(...(await runSome(group, [row], 1)));
      return alone;
    },
  });
  return {
    dim,
    sizesOf,
    waiting: () => batcher.waiting(),
    announceImage: () => batcher.announce(imageGroup),
    image: (planes, options) => batcher.add(imageGroup, planes, options),
    async text(text, options) {
      const encoded = needTokenizer(description).encodeBatch([text], { multiple: widthStep });
      const row = await batcher.add(textGroup(encoded.tokens), encoded.inputIds, options);
      return { row, tokens: encoded.lengths[0] ?? encoded.tokens, width: encoded.tokens };
    },
  };
}
