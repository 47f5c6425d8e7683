import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
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
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))) as Record<
    string,
    { dtype: "F32" | "I32"; shape: number[]; data_offsets: [number, number] }
  >;
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

/** A reference array as the bytes of a file. */
interface HostedArray extends Pick<GoldenArray, "shape" | "dtype"> {
  readonly bytes: Uint8Array;
}

/**
 * Reference arrays under clip-ts's names, whatever names the original gives them. `convert` renames tensors: this
 * package stands below the one that can.
 */
export async function renamedArrays(
  arrays: Readonly<Record<string, GoldenArray>>,
  convert: (
    tensors: Record<string, HostedArray>,
  ) => Promise<Readonly<Record<string, { readonly shape: readonly number[]; readonly bytes: Uint8Array }>>>,
): Promise<Record<string, GoldenArray>> {
  const hosted = Object.entries(arrays).map(([name, { values, dtype, shape }]): [string, HostedArray] => {
    const bytes = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
    return [name, { dtype, shape, bytes }];
  });
  const renamed = Object.entries(await convert(Object.fromEntries(hosted)));
  return Object.fromEntries(
    renamed.map(([name, { shape, bytes }]) => {
      return [name, { dtype: "F32" as const, shape, values: new Float32Array(bytes.slice().buffer) }];
    }),
  );
}

/** Every array of a reference file as tensors that the caller owns. */
export function goldenTensors(name: string): Record<string, Tensor> {
  const entries = Object.entries(goldenArrays(name)).map(([key, array]): [string, Tensor] => [
    key,
    tensor(array.values, [...array.shape], array.dtype === "I32" ? "int32" : "float32"),
  ]);
  return Object.fromEntries(entries);
}

const weights = {
  hf: "clip-vit/model.safetensors",
  openai: "clip-vit/openai-names.safetensors",
} as const;

/** Makes `folder` a model folder of the reference ViT, its weights under one of two name schemes. */
export function writeGoldenModel(folder: string, layout: "hf" | "openai"): string {
  mkdirSync(folder, { recursive: true });
  copyFileSync(goldenPath("clip-vit/config.json"), join(folder, "config.json"));
  copyFileSync(goldenPath(weights[layout]), join(folder, "model.safetensors"));
  return folder;
}

/** Configs of the reference towers that stand alone: `torchvision-vit` and `roberta`. */
export const goldenTowers = {
  /** torchvision's `VisionTransformer`. */
  torchvision: {
    layers: 2,
    activation: "gelu",
    width: 64,
    heads: 4,
    mlpWidth: 128,
    layerNormEps: 1e-6,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    preNorm: false,
    patchBias: true,
  },
  /** transformers' `RobertaModel`, its first token pooled. */
  roberta: {
    kind: "roberta",
    layers: 2,
    activation: "gelu",
    width: 48,
    heads: 3,
    mlpWidth: 144,
    layerNormEps: 1e-12,
    vocabSize: 200,
    contextLength: 16,
    startTokenId: 0,
    endTokenId: 2,
    padTokenId: 1,
    tokenTypes: 1,
    pooling: "first",
  },
} as const;
