/** What sizes are measured with. */
export interface SizeProbe {
  /** The largest batch. */
  readonly most: number;
  /** Values of a row. */
  readonly dim: number;
  /** Embeds the probes of these numbers, from 0, as one batch of just these rows. */
  readonly run: (probes: readonly number[]) => Promise<Float32Array>;
}

/** Powers of two below a size, from 2, and the size itself. */
function candidatesUpTo(most: number): number[] {
  const sizes: number[] = [];
  for (let size = 2; size < most; size *= 2) sizes.push(size);
  return [...sizes, most];
}

function isSameRow(a: Float32Array, b: Float32Array): boolean {
  const bytes = (row: Float32Array): Buffer => Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  return bytes(a).equals(bytes(b));
}

/**
 * The batch sizes at which an engine gives a row the same bits, whatever its place and its neighbours, smallest first:
 * those that agree with the largest. Libraries choose how they sum by the shape of a matrix (ONNX Runtime multiplies a
 * single row in another way than several, and shares a small matrix out among threads in another way than a large one), so
 * which sizes agree differs from model to model and machine to machine; it is the shape alone that decides, so a few
 * probes tell. [1] where rows of a batch depend on one another: each has to be computed alone.
 */
export async function equalSizes({ most, dim, run }: SizeProbe): Promise<readonly number[]> {
  const numbers = Array.from({ length: most }, (_, number) => number);
  const wanted = Float32Array.from(await run(numbers));
  const rowOf = (rows: Float32Array, row: number): Float32Array => rows.subarray(row * dim, (row + 1) * dim);
  const agrees = async (size: number): Promise<boolean> => {
    const order = numbers.slice(0, size).toReversed();
    const rows = await run(order);
    return order.every((number, row) => isSameRow(rowOf(rows, row), rowOf(wanted, number)));
  };
  const sizes: number[] = [];
  for (const size of candidatesUpTo(most)) if (await agrees(size)) sizes.push(size);
  return sizes.includes(most) ? sizes : [1];
}
