import type { HostArrays } from "@clip-ts/core";
import { joinRows, rowCount, rowsAt, type StepBatch } from "./batch.ts";
import { createSums, type Exchange, type GradientSums } from "./exchange.ts";
import { compareLocally, localExchangeOf, type LocalOptions } from "./local-comparison.ts";
import type { Numbers, Preparation, Program } from "./program.ts";
import type { GradientParts } from "./step-functions.ts";

/** What a driver is told beside the program. */
export interface DriveOptions extends LocalOptions {
  /** The parts of the step that the program runs, if it has any. */
  readonly parts?: Pick<GradientParts, "compared" | "local"> | undefined;
  readonly exchange?: Exchange | undefined;
}

/** Runs a program's step. */
export interface Driver {
  /**
   * One step on a batch: whole, or accumulated exactly over its micro-batches. Gives loss, metrics and
   * `gradNorm`; if loss or norm is not finite (`isFiniteStep`), the state stays as it was.
   */
  step(batch: StepBatch, scalars: Numbers): Promise<Numbers>;
}

/** The rows of every micro-batch, and the statistics after the last. */
async function encodeAll(
  program: Program,
  parts: StepBatch["parts"],
): Promise<{ readonly rows: readonly HostArrays[]; readonly statistics: HostArrays }> {
  const rows: HostArrays[] = [];
  let statistics: HostArrays = {};
  for (const pairs of parts) {
    const encoded = await program.run("encode", { pairs, statistics });
    rows.push(encoded.rows);
    ({ statistics } = encoded);
  }
  return { rows, statistics };
}

/** What comparing this program's rows with all others gives. */
interface OwnComparison {
  readonly numbers: Numbers;
  /** The gradient by this program's rows. */
  readonly cotangents: HostArrays;
}

/**
 * Every rank compares all rows, so that all find the same gradients of the leaves that only `compare` uses,
 * and goes on with the cotangents of its own.
 */
async function compareAll(
  program: Program,
  { rows, shared }: Readonly<Record<"rows" | "shared", HostArrays>>,
  exchange: Exchange | undefined,
): Promise<OwnComparison> {
  if (exchange === undefined) return program.run("compare", { rows, shared });
  const all = await exchange.gather(rows);
  const { numbers, cotangents } = await program.run("compare", { rows: all, shared });
  const count = rowCount(rows);
  return { numbers, cotangents: rowsAt(cotangents, exchange.rank * count, count) };
}

/** What a program has to know of other ranks. */
function sharing(exchange: Exchange | undefined): Pick<Preparation, "ranks" | "bucketBytes"> {
  if (exchange === undefined) return {};
  const { size, bucketBytes = size === 1 ? undefined : 25e6 } = exchange;
  return { ranks: size, bucketBytes };
}

/** Each micro-batch's share of the gradient. */
async function pullBackAll(
  program: Program,
  parts: StepBatch["parts"],
  { rows, cotangents }: { readonly rows: readonly HostArrays[]; readonly cotangents: HostArrays },
  sums?: GradientSums,
): Promise<void> {
  let start = 0;
  for (const [part, pairs] of parts.entries()) {
    const count = rowCount(rows[part] as HostArrays);
    const finished = part === parts.length - 1 ? sums?.begin : undefined;
    await program.run("pullBack", { pairs, cotangents: rowsAt(cotangents, start, count), finished });
    start += count;
  }
}

/**
 * The one loop of a training step, whatever runs it (GradCache, Gao et al. 2021, arXiv:2101.06983): the
 * rows of all micro-batches, their comparison, each micro-batch's share of the gradient, the update. With
 * `exchange` the rows and gradients are those of all ranks. A whole batch without it is one call.
 */
export function createDriver(program: Program, { exchange, ...options }: DriveOptions = {}): Driver {
  const isCompared = (path: string): boolean => options.parts?.compared.includes(path) === true;
  return {
    async step({ parts, shared }, scalars) {
      const local = localExchangeOf({ parts }, exchange, options);
      const ready = { ...sharing(exchange), local };
      await program.prepare({ batch: { parts, shared }, scalars: Object.keys(scalars), ...ready });
      if (parts.length === 1 && exchange === undefined) {
        return program.run("step", { pairs: parts[0] as HostArrays, shared, scalars });
      }
      const { rows, ...encoded } = await encodeAll(program, parts);
      const all = { rows: joinRows(rows), shared };
      const { numbers, cotangents } = await (local === undefined
        ? compareAll(program, all, exchange)
        : compareLocally(program, all, local));
      const sums = exchange && createSums(program, exchange);
      await pullBackAll(program, parts, { rows, cotangents }, sums);
      const isShare = (path: string): boolean => local !== undefined || !isCompared(path);
      const statistics = (await sums?.end(isShare, encoded.statistics)) ?? encoded.statistics;
      const loss = numbers["loss"] as number;
      return { ...numbers, ...(await program.run("update", { scalars, loss, statistics })) };
    },
  };
}
