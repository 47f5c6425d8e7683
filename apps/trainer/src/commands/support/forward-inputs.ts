import { ClipError } from "@clip-ts/base";
import type { PairBatch } from "@clip-ts/model";
import { toFloat32, toInt32, type TensorFile } from "@clip-ts/weights";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";
import { withTensors } from "./tensor-files.ts";

/** Inputs in host memory. */
interface HostInputs {
  /** As many captions as images, so that there is a loss. */
  readonly arePairs: boolean;
  /** Puts the inputs on the running engine; the caller owns them. */
  readonly upload: () => Partial<PairBatch>;
}

type Upload = () => Tensor;

async function readPixels(file: TensorFile): Promise<Upload> {
  const stored = await file.read("pixel_values");
  const values = toFloat32(stored);
  return () => tensor(values, [...stored.shape], "float32");
}

async function readIds(file: TensorFile, vocabSize: number): Promise<Upload> {
  const stored = await file.read("input_ids");
  const values = toInt32(stored);
  const foreign = values.find((id) => id < 0 || id >= vocabSize);
  if (foreign !== undefined) {
    throw new ClipError(
      "bad-data",
      `${file.label}: input_ids holds ${foreign}, but the model knows ids from 0 to ${vocabSize - 1}.`,
      { data: { foreign, vocabSize } },
    );
  }
  return () => tensor(values, [...stored.shape], "int32");
}

async function readMask(file: TensorFile): Promise<Upload> {
  const stored = await file.read("attention_mask");
  const values = toInt32(stored);
  return () => tensor(values, [...stored.shape], "int32");
}

/**
 * Reads `pixel_values` and `input_ids` of a safetensors file, whichever it has, and `attention_mask`
 * where it stands beside ids; other tensors are left alone.
 */
export function readInputs(path: string, vocabSize: number): Promise<HostInputs> {
  return withTensors(path, async (file) => {
    const has = (name: string): boolean => file.names.includes(name);
    if (!has("pixel_values") && !has("input_ids")) {
      const found = file.names.slice(0, 5).join(", ") || "no tensors";
      throw new ClipError(
        "bad-data",
        `${path} should hold pixel_values or input_ids or both; it holds ${found}.`,
      );
    }
    const pixels = has("pixel_values") ? await readPixels(file) : undefined;
    const ids = has("input_ids") ? await readIds(file, vocabSize) : undefined;
    const mask = has("attention_mask") ? await readMask(file) : undefined;
    const rows = (name: string): number | undefined => file.describe(name).shape[0];
    return {
      arePairs:
        pixels !== undefined && ids !== undefined && rows("pixel_values") === rows("input_ids"),
      upload: () => ({
        ...(pixels === undefined ? {} : { pixelValues: pixels() }),
        ...(ids === undefined ? {} : { inputIds: ids() }),
        ...(mask === undefined ? {} : { attentionMask: mask() }),
      }),
    };
  });
}
