import { byteLengthOf, dtypeBytes, type HostTensor } from "../host-tensor.ts";
import { gatherStrided, rowMajorStrides } from "../strided.ts";
import type { Step } from "./change.ts";
import type { TensorPlan } from "./conversion-plan.ts";

/** The values of `bytes` in the step's order; the same bytes where it keeps the order. */
function reorder(bytes: Uint8Array, { view, axes, shape }: Step, size: number): Uint8Array {
  if (axes === undefined) return bytes;
  const from = rowMajorStrides(view);
  return gatherStrided(bytes, { shape, strides: axes.map((axis) => from[axis] ?? 0), size });
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
