import { ClipError } from "@clip-ts/base";
import type { Batch, BatchStream, Cursor } from "./batch.ts";
import { prefetched } from "./prefetch.ts";

/** An array with a shape, as a safetensors file holds it. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
}

/** Options of tensorBatches. */
export interface TensorBatchesOptions {
  readonly label: string;
  /** `pixel_values.N` [batch, 3, size, size] and `input_ids.N` [batch, tokens], N from 0. */
  readonly tensors: Readonly<Record<string, NamedArray>>;
  readonly restore?: Cursor;
}

function readArray(
  { label, tensors }: TensorBatchesOptions,
  name: string,
  rank: number,
): NamedArray {
  const array = tensors[name];
  if (array === undefined) {
    const names = Object.keys(tensors).slice(0, 6).join(", ");
    throw new ClipError(
      "bad-data",
      `${label}: expected pixel_values.N and input_ids.N for N = 0, 1, …; ${name} is missing, found ${names || "nothing"}`,
    );
  }
  if (array.shape.length !== rank) {
    throw new ClipError(
      "bad-shape",
      `${label}: expected ${name} with ${rank} axes, found [${array.shape.join(", ")}]`,
    );
  }
  return array;
}

/** Ids may come in 64 bits. Arrays of numbers stay as they are: a list of millions would be garbage. */
const numbersOf = ({ data }: NamedArray): ArrayLike<number> =>
  typeof data[0] === "bigint" ? Array.from(data, Number) : (data as ArrayLike<number>);

function readBatch(options: TensorBatchesOptions, { epoch, batch: index }: Cursor): Batch {
  const { label } = options;
  const images = readArray(options, `pixel_values.${index}`, 4);
  const ids = readArray(options, `input_ids.${index}`, 2);
  const [batch = 0, channels, imageSize = 0, width] = images.shape;
  const [rows, tokens = 0] = ids.shape;
  if (channels !== 3 || imageSize !== width || rows !== batch) {
    throw new ClipError(
      "bad-shape",
      `${label}: expected pixel_values.${index} [batch, 3, size, size] and input_ids.${index} ` +
        `[batch, tokens], found [${images.shape.join(", ")}] and [${ids.shape.join(", ")}]`,
    );
  }
  return {
    pixelValues: new Float32Array(numbersOf(images)),
    inputIds: new Int32Array(numbersOf(ids)),
    batch,
    tokens,
    imageSize,
    keys: Array.from({ length: batch }, (_, row) => `${index}:${row}`),
    captions: [],
    epoch,
    index,
  };
}

/** Ready-made batches, served in order again and again: for parity runs. They carry no captions. */
export function tensorBatches(options: TensorBatchesOptions): BatchStream {
  const { tensors, restore } = options;
  const stepsPerEpoch = Object.keys(tensors).filter((name) =>
    /^pixel_values\.\d+$/.test(name),
  ).length;
  // Errors in the arrays come up now, not in the middle of a run.
  for (let batch = 0; batch < Math.max(1, stepsPerEpoch); batch++)
    readBatch(options, { epoch: 0, batch });
  const produce = async (position: Cursor): Promise<Batch> => readBatch(options, position);
  const stream = prefetched({ stepsPerEpoch, prefetch: 0, restore, produce });
  return { ...stream, stepsPerEpoch, skipped: [], leftOut: () => [] };
}
