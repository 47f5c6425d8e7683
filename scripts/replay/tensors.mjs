// @ts-check
// A safetensors file as plain bytes and numbers, read without the code that is being compared.

/** @typedef {{ bytes: Buffer, values: ArrayLike<number> }} Stored */

/** @param {string} dtype @param {Buffer} bytes @returns {ArrayLike<number>} */
function numbers(dtype, bytes) {
  const copy = new Uint8Array(bytes); // aligned
  if (dtype === "F32") return new Float32Array(copy.buffer);
  if (dtype === "F64") return new Float64Array(copy.buffer);
  if (dtype === "I32") return new Int32Array(copy.buffer);
  if (dtype === "I64") return Array.from(new BigInt64Array(copy.buffer), Number);
  return copy;
}

/** @param {Buffer} file @returns {Map<string, Stored>} */
export function readTensors(file) {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString("utf8"));
  const start = 8 + length;
  /** @type {Map<string, Stored>} */
  const tensors = new Map();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    const bytes = file.subarray(start + from, start + to);
    tensors.set(name, { bytes, values: numbers(entry.dtype, bytes) });
  }
  return tensors;
}
