import { byteLengthOf, dtypeBytes, type HostTensor } from "../host-tensor.ts";
import type { Step } from "./change.ts";
import type { TensorPlan } from "./conversion-plan.ts";

/** Bytes from one value to the next along each axis of the view. */
function stridesOf(view: readonly number[], size: number): number[] {
  const strides = view.map(() => size);
  for (let axis = view.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] ?? 0) * (view[axis + 1] ?? 0);
  }
  return strides;
}

/** The values of `bytes` in the step's order; the same bytes where it keeps the order. */
function reorder(bytes: Uint8Array, { view, axes, shape }: Step, size: number): Uint8Array {
  if (axes === undefined) return bytes;
  const strides = stridesOf(view, size);
  const steps = axes.map((axis) => strides[axis] ?? 0);
  const result = new Uint8Array(bytes.byteLength);
  const index = shape.map(() => 0);
  let from = 0;
  for (let position = 0; position < result.byteLength; position += size) {
    for (let byte = 0; byte < size; byte++) result[position + byte] = bytes[from + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += steps[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      from -= next * (steps[axis] ?? 0);
    }
  }
  return result;
}

/** The planned tensor from its sources, which come in the plan's order. Works on bytes of any dtype. */
export function assemble(plan: TensorPlan, sources: readonly HostTensor[]): HostTensor {
  const { dtype, shape, pieces } = plan;
  const size = dtypeBytes(dtype);
  const parts = pieces.map(({ step }, index) =>
    reorder(sources[index]?.bytes ?? new Uint8Array(), step, size),
  );
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return { dtype, shape, bytes: only };
  const bytes = new Uint8Array(byteLengthOf(plan));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.byteLength;
  }
  return { dtype, shape, bytes };
}
