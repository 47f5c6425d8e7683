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

/** What a file lists, and the bytes of each. @param {Buffer} file */
function contentsOf(file) {
  const start = 8 + Number(file.readBigUInt64LE(0));
  /** @type {Record<string, { dtype: string, shape: number[], data_offsets: [number, number] }>} */
  const header = JSON.parse(file.subarray(8, start).toString("utf8"));
  return Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        return { name, dtype, shape, bytes: file.subarray(start + from, start + to) };
      },
    );
}

/** @param {Buffer} file @returns {Map<string, Stored>} */
export function readTensors(file) {
  return new Map(contentsOf(file).map(({ name, dtype, bytes }) => [name, { bytes, values: numbers(dtype, bytes) }]));
}

/**
 * A file of training batches from a file of inputs: one batch of its `pixel_values` and `input_ids`.
 * @param {Buffer} file
 * @returns {Buffer}
 */
export function batchOf(file) {
  let offset = 0;
  const parts = contentsOf(file)
    .filter(({ name }) => name === "pixel_values" || name === "input_ids")
    .map(({ name, dtype, shape, bytes }) => {
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
