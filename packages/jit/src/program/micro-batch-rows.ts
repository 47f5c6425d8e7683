import type { Graph } from "../ir/graph.ts";
import { under } from "./gradient-pass.ts";
import type { HostArray, HostArrays } from "@clip-ts/core";

/** Shapes of the features that an encoding gives: [rows, …]. */
const featureShapes = ({ outputs }: Graph): Readonly<Record<string, readonly number[]>> =>
  under(
    "feature",
    Object.fromEntries(outputs.map(({ name, value }) => [name, value.shape] as const)),
  );

/** Room for all rows of features shaped like these but for their number. */
function roomFor(shapes: ReturnType<typeof featureShapes>, rows: number): HostArrays {
  const rooms = Object.entries(shapes).map(([name, [, ...rest]]): [string, HostArray] => {
    const size = rest.reduce((product, side) => product * side, rows);
    return [name, { data: new Float32Array(size), shape: [rows, ...rest] }];
  });
  return Object.fromEntries(rooms);
}

/** Rows of arrays from `start` on, in their memory. */
function rowsOf(arrays: HostArrays, start: number, count: number): HostArrays {
  const views = Object.entries(arrays).map(([name, { data, shape }]): [string, HostArray] => {
    const [rows = 1, ...rest] = shape;
    const size = data.length / rows;
    const view = data.subarray(start * size, (start + count) * size);
    return [name, { data: view, shape: [count, ...rest] }];
  });
  return Object.fromEntries(views);
}

/** Where features and their gradients lie: those of all pairs, and each micro-batch's among them. */
export interface MicroBatchRows {
  readonly features: HostArrays;
  readonly cotangents: HostArrays;
  /** Views of the above, micro-batch by micro-batch. */
  readonly parts: readonly { readonly features: HostArrays; readonly cotangents: HostArrays }[];
}

/** Makes room for what the encodings of all micro-batches give, one after the other. */
export function layOutRows(encodings: readonly Graph[]): MicroBatchRows {
  const shapes = encodings.map(featureShapes);
  const counts = shapes.map((own) => Object.values(own)[0]?.[0] ?? 0);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const features = roomFor(shapes[0] ?? {}, all);
  const cotangents = roomFor(shapes[0] ?? {}, all);
  let next = 0;
  const parts = counts.map((count) => {
    const start = next;
    next += count;
    return {
      features: rowsOf(features, start, count),
      cotangents: rowsOf(cotangents, start, count),
    };
  });
  return { features, cotangents, parts };
}
