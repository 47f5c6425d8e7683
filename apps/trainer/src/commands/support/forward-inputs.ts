import { ClipError } from "@clip-ts/base";
import type { HostArray } from "@clip-ts/core";
import type { PairBatch } from "@clip-ts/model";
import { toFloat32, toInt32, type TensorFile } from "@clip-ts/weights";
import { withTensors } from "./tensor-files.ts";

/** What a model reads, by its name in a batch; only what a file has. */
export type BatchArrays = Partial<Record<keyof PairBatch, HostArray>>;

/** Inputs in host memory. */
interface HostInputs {
  /** As many captions as images, so that there is a loss. */
  readonly arePairs: boolean;
  readonly arrays: BatchArrays;
}

async function readPixels(file: TensorFile): Promise<HostArray> {
  const stored = await file.read("pixel_values");
  return { data: toFloat32(stored), shape: stored.shape };
}

async function readWhole(file: TensorFile, name: string): Promise<HostArray> {
  const stored = await file.read(name);
  return { data: toInt32(stored), shape: stored.shape };
}

async function readIds(file: TensorFile, vocabSize: number): Promise<HostArray> {
  const ids = await readWhole(file, "input_ids");
  const foreign = ids.data.find((id) => id < 0 || id >= vocabSize);
  if (foreign === undefined) return ids;
  throw new ClipError(
    "bad-data",
    `${file.label}: input_ids holds ${foreign}, but the model knows ids from 0 to ${vocabSize - 1}.`,
    { data: { foreign, vocabSize } },
  );
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
    const rows = (name: string): number | undefined => file.describe(name).shape[0];
    return {
      arePairs:
        has("pixel_values") && has("input_ids") && rows("pixel_values") === rows("input_ids"),
      arrays: {
        ...(has("pixel_values") && { pixelValues: await readPixels(file) }),
        ...(has("input_ids") && { inputIds: await readIds(file, vocabSize) }),
        ...(has("attention_mask") && { attentionMask: await readWhole(file, "attention_mask") }),
      },
    };
  });
}
