// @ts-check
import { openFile, writeFileWhole } from "@clip-ts/files";
import { fromFloat32, fromInt32, openSafetensors, serializeSafetensors, toFloat32, toInt32 } from "@clip-ts/weights";

/** @typedef {{ data: Float32Array | Int32Array, shape: readonly number[] }} NamedArray */

/**
 * Writes arrays to a safetensors file, which every side can read.
 * @param {string} path
 * @param {Readonly<Record<string, NamedArray>>} arrays
 */
export async function writeArrays(path, arrays) {
  const tensors = Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape }]) => [
      name,
      data instanceof Int32Array ? fromInt32(data, shape) : fromFloat32(data, shape),
    ]),
  );
  await writeFileWhole(path, serializeSafetensors(tensors).chunks());
}

/**
 * Reads a safetensors file.
 * @param {string} path
 * @returns {Promise<Record<string, NamedArray>>}
 */
export async function readArrays(path) {
  const source = await openFile(path);
  try {
    const file = await openSafetensors(source, path);
    /** @type {Record<string, NamedArray>} */
    const arrays = {};
    for (const name of file.names) {
      const stored = await file.read(name);
      const data = stored.dtype.startsWith("I") ? toInt32(stored) : toFloat32(stored);
      arrays[name] = { data, shape: stored.shape };
    }
    return arrays;
  } finally {
    await source.close();
  }
}
