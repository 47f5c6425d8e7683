import type { HostArray } from "@clip-ts/core";
import { inputLength, inputShape, joinInputs, joinPatches, splitPatches, type PatchesConfig } from "@clip-ts/image";
import { fromFloat32, toFloat32, toInt32, type HostTensor, type TensorFile } from "@clip-ts/weights";

/** A list of whole numbers as a file keeps it. */
const fromInt32 = (values: Int32Array, shape: readonly number[]): HostTensor => ({
  dtype: "I32",
  shape,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/** Images of a NaFlex model under transformers' names. */
export function patchTensors(
  images: readonly Float32Array[],
  config: PatchesConfig,
): Readonly<Record<"pixel_values" | "pixel_attention_mask" | "spatial_shapes", HostTensor>> {
  const shape = inputShape(config, images.length);
  const [rows = 0, patches = 0] = shape;
  const joined = joinInputs(images, inputLength(config));
  const { pixelValues, pixelAttentionMask, spatialShapes } = splitPatches(joined, shape);
  return {
    pixel_values: fromFloat32(pixelValues, [rows, patches, 3 * config.patchSize ** 2]),
    pixel_attention_mask: fromInt32(pixelAttentionMask, [rows, patches]),
    spatial_shapes: fromInt32(spatialShapes, [rows, 2]),
  };
}

/** The same, read as the model's tower takes it. @throws ClipError where one of the three is missing or has another shape. */
export async function readPatches(file: TensorFile, pixels: HostTensor): Promise<HostArray> {
  const mask = toInt32(await file.read("pixel_attention_mask"));
  const shapes = toInt32(await file.read("spatial_shapes"));
  const { shape } = pixels;
  const arrays = { pixelValues: toFloat32(pixels), pixelAttentionMask: mask, spatialShapes: shapes };
  const data = joinPatches(arrays, shape);
  return { data, shape: [shape[0] ?? 0, shape[1] ?? 0, (shape[2] ?? 0) + 4] };
}
