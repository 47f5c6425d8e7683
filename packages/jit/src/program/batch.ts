import { ClipError } from "@clip-ts/base";
import { dtypeOf, sizeOf, type HostArray, type HostArrays } from "@clip-ts/core";
import { isOpen, type Graph, type Value } from "../ir/graph.ts";
import type { InputSpec, Shaped } from "../trace/trace.ts";

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
  const fits = (side: number, axis: number): boolean => isOpen(side, symbols) || side === shape[axis];
  if (shape.length !== value.shape.length || !value.shape.every(fits)) {
    throw new ClipError("bad-shape", `"${name}" was compiled for ${list(value.shape)}; got ${list(shape)}.`);
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

/** What a step learns from. */
export interface StepBatch {
  /** Each micro-batch: arrays whose first axis counts its pairs. A batch that comes whole has one. */
  readonly parts: readonly HostArrays[];
  /** Arrays that belong to all pairs. */
  readonly shared: HostArrays;
}

/** Shapes and types of arrays. */
export function specsOf(arrays: HostArrays): Record<string, InputSpec> {
  const specs = Object.entries(arrays).map(([name, array]): [string, InputSpec] => [
    name,
    { shape: array.shape, dtype: dtypeOf(array) },
  ]);
  return Object.fromEntries(specs);
}

/** The only number in each array. */
export const numbersOf = (arrays: HostArrays): Record<string, number> =>
  Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data[0] as number]));

/** A number as an array without axes. */
export const scalarArray = (value: number): HostArray => ({
  data: Float32Array.of(value),
  shape: [],
});

/** The shape of an array or of what is known of one as text. Bytes are told from numbers: they need another program. */
function shapeText([name, given]: readonly [string, Shaped | HostArray]): string {
  const isBytes = "data" in given && dtypeOf(given) === "uint8";
  return `${name} ${given.shape.join("x")}${isBytes ? " bytes" : ""}`;
}

/** The shapes of arrays as text. */
export const shapesOf = (arrays: Readonly<Record<string, Shaped | HostArray>>): string =>
  Object.entries(arrays).map(shapeText).join(", ");

/** Texts that follow each other unchanged, counted: "2 x (a), 1 x (b)". */
function counted(texts: readonly string[]): string[] {
  const runs: { text: string; count: number }[] = [];
  for (const text of texts) {
    const last = runs.at(-1);
    if (last?.text === text) last.count += 1;
    else runs.push({ text, count: 1 });
  }
  return runs.map(({ text, count }) => `${count} x (${text})`);
}

/** The shapes of a batch as text: a step is compiled for each. */
export function batchShapes({ parts, shared }: StepBatch): string {
  const texts = parts.map(shapesOf);
  const own = texts.length === 1 ? texts : counted(texts);
  return [...own, shapesOf(shared)].filter((text) => text !== "").join(", ");
}

/** Rows that arrays have in common; 0 if there are none. */
export const rowCount = (rows: Readonly<Record<string, Shaped>>): number => Object.values(rows)[0]?.shape[0] ?? 0;

/** `count` rows of each array from `start` on, in their memory. */
export function rowsAt(arrays: HostArrays, start: number, count: number): HostArrays {
  const views = Object.entries(arrays).map(([name, { data, shape }]): [string, HostArray] => {
    const [, ...rest] = shape;
    const size = sizeOf(rest);
    const view = data.subarray(start * size, (start + count) * size);
    return [name, { data: view, shape: [count, ...rest] }];
  });
  return Object.fromEntries(views);
}

/** The rows of float32 arrays one after the other; those of one part are given back as they are. */
export function joinRows(parts: readonly HostArrays[]): HostArrays {
  const [first = {}, ...others] = parts;
  if (others.length === 0) return first;
  const joined = Object.entries(first).map(([name, { shape }]): [string, HostArray] => {
    const own = parts.map((part) => part[name] as HostArray);
    const data = new Float32Array(own.reduce((sum, array) => sum + array.data.length, 0));
    let next = 0;
    for (const array of own) {
      data.set(array.data, next);
      next += array.data.length;
    }
    const rows = own.reduce((sum, array) => sum + (array.shape[0] ?? 0), 0);
    return [name, { data, shape: [rows, ...shape.slice(1)] }];
  });
  return Object.fromEntries(joined);
}
