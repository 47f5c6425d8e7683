import { pickLeaves, type HostArray, type HostArrays } from "@clip-ts/core";
import { reportedBy, traced, type FlatSource } from "./flat-source.ts";
import type { Preparation, StepHandlers } from "./program.ts";
import {
  compareTrace,
  learning,
  slopesTrace,
  sumsTrace,
  type LeafSpecs,
  type LocalGiven,
  type StepSource,
} from "./step-traces.ts";
import type { Target } from "./target.ts";
import { compileTree } from "./tree-function.ts";

/** The comparison of all rows, or the two phases of its local form: whichever a program was made ready for. */
export interface FlatComparison extends Pick<StepHandlers, "compare" | "sums" | "slopes"> {
  dispose(): Promise<void>;
}

/** What the comparison is compiled for. */
interface ComparisonGiven extends Pick<Preparation, "local"> {
  /** Of all ranks. */
  readonly rows: LeafSpecs;
  readonly shared: HostArrays;
}

/** What either comparison gives beside the gradients that it begins. */
interface ComparedArrays {
  readonly loss: HostArray;
  readonly metric: HostArrays;
  readonly cotangent: HostArrays;
}

const refuse = (name: string) => (): never => {
  throw new Error(`The program was not made ready for ${name}.`);
};

/** Both phases of a comparison in local form. */
async function compileLocal(target: Target, source: StepSource, given: LocalGiven) {
  const sums = await compileTree(target, sumsTrace(source, given));
  const slopes = await compileTree(target, slopesTrace(source, { ...given, ownSums: sums.outputs.sum }));
  return { sums, slopes };
}

/** Compiles the comparison of so many rows. It begins the gradients where the optimiser reads them. */
export async function compileComparison(
  source: FlatSource,
  { rows, shared, local }: ComparisonGiven,
): Promise<FlatComparison> {
  const { functions, state, target } = source;
  const { params: param, gradients } = state;
  const { compared, pulled } = learning(functions);
  const into = { next: { grad: pickLeaves(gradients, compared) } };
  const clearOthers = (): void => {
    for (const { data } of Object.values(pickLeaves(gradients, pulled))) data.fill(0);
  };
  /** What came of it that goes on, once its gradients lie where they belong. */
  const begun = ({ cotangent, ...results }: ComparedArrays) => {
    clearOthers();
    return { numbers: reportedBy(results), cotangents: cotangent };
  };
  if (local === undefined) {
    const compare = await compileTree(target, compareTrace(traced(source), rows, shared));
    return {
      compare: async ({ rows: feature, shared: batch }) => begun(await compare.run({ param, feature, batch }, into)),
      sums: refuse("sums"),
      slopes: refuse("slopes"),
      dispose: () => compare.dispose(),
    };
  }
  const { sums, slopes } = await compileLocal(target, traced(source), { rows, shared, place: local });
  return {
    compare: refuse("compare"),
    sums: async ({ rows: feature, shared: batch }) => (await sums.run({ param, feature, batch })).sum,
    slopes: async ({ rows: feature, shared: batch, sums: sum }) =>
      begun(await slopes.run({ param, feature, batch, sum }, into)),
    async dispose() {
      await sums.dispose();
      await slopes.dispose();
    },
  };
}
