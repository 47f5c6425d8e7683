import type { TensorPlan } from "./conversion-plan.ts";
import { byteLengthOf, dtypeBytes, type HostTensor, type TensorInfo } from "./host-tensor.ts";

function stack(parts: readonly HostTensor[], byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let position = 0;
  for (const part of parts) {
    bytes.set(part.bytes, position);
    position += part.bytes.byteLength;
  }
  return bytes;
}

/** Transposes a matrix; `to` describes the result. */
function transposeBytes(bytes: Uint8Array, to: TensorInfo): Uint8Array {
  const [rows = 0, columns = 0] = to.shape;
  const size = dtypeBytes(to.dtype);
  const result = new Uint8Array(bytes.byteLength);
  let position = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (column * rows + row) * size;
      for (let byte = 0; byte < size; byte++) result[position++] = bytes[from + byte] ?? 0;
    }
  }
  return result;
}

/** The planned tensor from its sources, which come in the plan's order. Works on bytes of any dtype. */
export function assemble(plan: TensorPlan, sources: readonly HostTensor[]): HostTensor {
  const { dtype, shape } = plan;
  const [first] = sources;
  const isAlone = first !== undefined && sources.length === 1;
  const bytes = isAlone ? first.bytes : stack(sources, byteLengthOf(plan));
  return { dtype, shape, bytes: plan.transposed ? transposeBytes(bytes, plan) : bytes };
}
