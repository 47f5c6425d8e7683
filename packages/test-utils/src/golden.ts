import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tensor, type Tensor } from "@tensorflow/tfjs-core";

/** One reference array. */
export interface GoldenArray {
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** Path of a file made by the Python originals, such as "clip-vit/io.safetensors". */
export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** Parsed JSON of a reference file. */
export function goldenJson(name: string): unknown {
  return JSON.parse(readFileSync(goldenPath(name), "utf8"));
}

/** Every array of a reference file; a reader of its own, so that it can test the one in weights. */
export function goldenArrays(name: string): Record<string, GoldenArray> {
  const bytes = new Uint8Array(readFileSync(goldenPath(name)));
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)),
  ) as Record<string, { dtype: "F32" | "I32"; shape: number[]; data_offsets: [number, number] }>;
  const arrays: Record<string, GoldenArray> = {};
  for (const [key, entry] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const [begin, end] = entry.data_offsets.map((offset) => 8 + headerLength + offset);
    const data = bytes.slice(begin, end).buffer;
    const values = entry.dtype === "I32" ? new Int32Array(data) : new Float32Array(data);
    arrays[key] = { dtype: entry.dtype, shape: entry.shape, values };
  }
  return arrays;
}

/** Every array of a reference file as tensors that the caller owns. */
export function goldenTensors(name: string): Record<string, Tensor> {
  const entries = Object.entries(goldenArrays(name)).map(([key, array]): [string, Tensor] => [
    key,
    tensor(array.values, [...array.shape], array.dtype === "I32" ? "int32" : "float32"),
  ]);
  return Object.fromEntries(entries);
}
