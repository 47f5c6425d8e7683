import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { joinRows, rowCount, rowsAt, type StepBatch } from "./batch.ts";
import type { Numbers, Program } from "./program.ts";
import type { GradientParts } from "./step-functions.ts";

/** Numbers that ranks tell each other beside what they learn. */
export interface ToldNumbers {
  /** This rank's, of the same names on all ranks in every step. Asked once a step, when its gradients are there. */
  give(): Numbers;
  /** Told the sums over all ranks, in float32, once a step and before the state moves. */
  take(sums: Numbers): void;
}

/**
 * How programs that learn from one batch together tell each other what they found. Every rank has the
 * same number of pairs in arrays of the same shapes, the same `shared` arrays, those of all pairs, and the same state.
 *
 * A call may be made before those made earlier have ended. They are carried out in the order in which they are made,
 * which is the same on all ranks.
 */
export interface Exchange {
  /** This program's place among them, from 0. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /** The rows of all ranks, one rank's after the other's. Borrows the arrays. */
  gather(rows: HostArrays): Promise<HostArrays>;
  /**
   * The sum of what all ranks give, added in the order of ranks, so that all get the same bits. It may be written over
   * the arrays that are given, which nobody touches until it is there.
   */
  sum(gradients: HostArrays): Promise<HostArrays>;
  /** What rides along with the sum of each step's gradients: whether to stop, say. */
  readonly numbers?: ToldNumbers | undefined;
}

/** What a driver is told beside the program. */
export interface DriveOptions {
  /** The parts of the step that the program runs, if it has any. */
  readonly parts?: Pick<GradientParts, "compared"> | undefined;
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

function refuseStatistics(statistics: HostArrays, { size }: Exchange): void {
  const [path] = Object.keys(statistics);
  if (path === undefined || size === 1) return;
  throw new ClipError(
    "unsupported",
    `Running statistics, such as "${path}", cannot be updated on several ranks, each of which sees other ` +
      "images: freeze them.",
    { data: { path } },
  );
}

/** Adds up what the ranks pulled back; what comparing gives is the same on all of them. */
async function sumPulled(program: Program, { sum }: Exchange, compared: readonly string[]): Promise<void> {
  const own = Object.entries(await program.read("gradients"));
  const pulled = own.filter(([path]) => !compared.includes(path));
  await program.write({ gradients: await sum(Object.fromEntries(pulled)) });
}

/**
 * The one loop of a training step, whatever runs it (GradCache, Gao et al. 2021, arXiv:2101.06983): the
 * rows of all micro-batches, their comparison, each micro-batch's share of the gradient, the update. With
 * `exchange` the rows and gradients are those of all ranks. A whole batch on one rank is one call.
 */
export function createDriver(
  program: Program,
  { parts: { compared } = { compared: [] }, exchange }: DriveOptions = {},
): Driver {
  return {
    async step({ parts, shared }, scalars) {
      const ranks = exchange?.size;
      await program.prepare({ batch: { parts, shared }, scalars: Object.keys(scalars), ranks });
      if (parts.length === 1 && exchange === undefined) {
        return program.run("step", { pairs: parts[0] as HostArrays, shared, scalars });
      }
      const { rows, statistics } = await encodeAll(program, parts);
      const own = joinRows(rows);
      if (exchange !== undefined) refuseStatistics(statistics, exchange);
      const all = exchange === undefined ? own : await exchange.gather(own);
      const { numbers, cotangents } = await program.run("compare", { rows: all, shared });
      let start = exchange === undefined ? 0 : exchange.rank * rowCount(own);
      for (const [part, pairs] of parts.entries()) {
        const count = rowCount(rows[part] as HostArrays);
        const share = rowsAt(cotangents, start, count);
        await program.run("pullBack", { pairs, cotangents: share });
        start += count;
      }
      if (exchange !== undefined) await sumPulled(program, exchange, compared);
      const loss = numbers["loss"] as number;
      return { ...numbers, ...(await program.run("update", { scalars, loss, statistics })) };
    },
  };
}
