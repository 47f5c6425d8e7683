import type { HostArrays } from "@clip-ts/core";
import { rowCount, type StepBatch } from "./batch.ts";
import type { Exchange } from "./exchange.ts";
import { localPartsOf, type Program, type StepCalls } from "./program.ts";
import type { GradientParts } from "./step-functions.ts";

/** From so many pairs of all ranks on, ranks compare in local form unless they are told otherwise. */
export const localLossPairs = 4096;

/** When ranks compare in local form. */
export interface LocalOptions {
  /** The parts of the step, of which `local` may be one. */
  readonly parts?: Pick<GradientParts, "local"> | undefined;
  /**
   * Whether each of several ranks compares no more than its own rows with those of all: true, false, or as "auto", the
   * default, from 4,096 pairs of all ranks on if the step has `parts.local`.
   */
  readonly localLoss?: boolean | "auto" | undefined;
}

/**
 * The exchange of a rank that compares its own rows alone; undefined if it compares all rows.
 * @throws ClipError "unsupported" if that is asked for and the step has no local form.
 */
export function localExchangeOf(
  { parts }: Pick<StepBatch, "parts">,
  exchange: Exchange | undefined,
  { localLoss = "auto", parts: functions }: LocalOptions,
): Exchange | undefined {
  if (exchange === undefined || exchange.size === 1 || localLoss === false) return undefined;
  if (localLoss === true) {
    localPartsOf(functions);
    return exchange;
  }
  const pairs = exchange.size * parts.reduce((sum, part) => sum + rowCount(part), 0);
  return functions?.local !== undefined && pairs >= localLossPairs ? exchange : undefined;
}

/** What comparing this rank's rows with those of all gives, in two phases with a gather between them. */
export async function compareLocally(
  program: Program,
  { rows: own, shared }: Readonly<Record<"rows" | "shared", HostArrays>>,
  exchange: Exchange,
): Promise<StepCalls["compare"]["gives"]> {
  const rows = await exchange.gather(own);
  const { rank, size } = exchange;
  const place = { rank, size };
  const sums = await exchange.gather(await program.run("sums", { rows, shared, place }));
  return program.run("slopes", { rows, shared, sums, place });
}
