import { randomStream } from "@clip-ts/base";
import { sizeOf, type HostArray, type HostArrays } from "@clip-ts/core";
import { rowsAt, type Exchange } from "@clip-ts/jit";
import type { EncodeOptions, Objective } from "@clip-ts/model";

/** What draws, and what it draws from. */
export interface DrawSource {
  readonly draws: NonNullable<Objective<object, object>["draws"]>;
  readonly frozen: NonNullable<EncodeOptions["frozen"]>;
  readonly seed: number;
  readonly exchange?: Pick<Exchange, "rank"> | undefined;
}

/** Arrays of `rows` rows like these, the first of which they are. */
function beginRows(first: HostArrays, rows: number): Record<string, HostArray> {
  const made = Object.entries(first).map(([name, { data, shape }]): [string, HostArray] => {
    const Kind = data.constructor as new (length: number) => HostArray["data"];
    const all = new Kind(rows * sizeOf(shape));
    all.set(data);
    return [name, { data: all, shape: [rows, ...shape.slice(1)] }];
  });
  return Object.fromEntries(made);
}

/**
 * What an objective draws for the pairs of a step: for each by its place among those of all ranks, so that it is the
 * same however many ranks there are.
 */
export function drawInputs({ draws, frozen, seed, exchange }: DrawSource, step: number, pairs: HostArrays): HostArrays {
  const rows = Object.values(pairs)[0]?.shape[0] ?? 0;
  const before = (exchange?.rank ?? 0) * rows;
  const drawOne = (row: number): HostArrays =>
    draws(rowsAt(pairs, row, 1), (purpose) => randomStream(seed, purpose, step, before + row), frozen);
  if (rows === 0) return {};
  const drawn = beginRows(drawOne(0), rows);
  if (Object.keys(drawn).length === 0) return {};
  for (let row = 1; row < rows; row++) {
    for (const [name, { data }] of Object.entries(drawOne(row))) drawn[name]?.data.set(data, row * data.length);
  }
  return drawn;
}
