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

/**
 * A file of training batches from a file of inputs: one batch of its `pixel_values` and `input_ids`.
 * @param {Buffer} file
 * @returns {Buffer}
 */
export function batchOf(file) {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString("utf8"));
  const start = 8 + length;
  let offset = 0;
  const parts = ["pixel_values", "input_ids"].map((name) => {
    const { dtype, shape, data_offsets } = header[name];
    const bytes = file.subarray(start + data_offsets[0], start + data_offsets[1]);
    const entry = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    return { name: `${name}.0`, entry, bytes };
  });
  const text = JSON.stringify(Object.fromEntries(parts.map(({ name, entry }) => [name, entry])));
  const head = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([size, head, ...parts.map(({ bytes }) => bytes)]);
}
