import { ClipError } from "@clip-ts/base";
import type { Graph, Value } from "../ir/graph.ts";
import { isOpen } from "../ir/symbols.ts";
import { dtypeOf, sizeOf, type HostArray } from "@clip-ts/core";

const list = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/**
 * The array, if it is what a compiled graph was made for under this name: there, of the shape and type of
 * `value`, and with as many elements as its shape says.
 * @throws ClipError "bad-argument" or "bad-shape" that names it.
 */
export function checkArray(
  value: Value | undefined,
  name: string,
  array: HostArray | undefined,
  symbols: Graph["symbols"] = [],
): HostArray {
  if (value === undefined) {
    throw new ClipError("bad-argument", `The compiled graph has no value named "${name}".`);
  }
  if (array === undefined) {
    throw new ClipError("bad-argument", `The compiled graph needs "${name}" ${list(value.shape)}.`);
  }
  const { data, shape } = array;
  const fits = (side: number, axis: number): boolean =>
    isOpen(side, symbols) || side === shape[axis];
  if (shape.length !== value.shape.length || !value.shape.every(fits)) {
    throw new ClipError(
      "bad-shape",
      `"${name}" was compiled for ${list(value.shape)}; got ${list(shape)}.`,
    );
  }
  const length = sizeOf(shape);
  if (data.length !== length || dtypeOf(array) !== value.dtype) {
    throw new ClipError(
      "bad-shape",
      `"${name}" ${list(shape)} should hold ${length} elements of ${value.dtype}; ` +
        `got ${data.length} of ${dtypeOf(array)}.`,
    );
  }
  return array;
}
