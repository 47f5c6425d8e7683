import { ClipError } from "@clip-ts/base";
import type { TensorFile } from "../tensor-file.ts";
import { planConversion } from "./conversion-plan.ts";
import { plannedFile } from "./planned-file.ts";
import { rulesFor, type OtherLayout } from "./rules-for.ts";
import { unstackLayers } from "./unstack-layers.ts";

/**
 * A view of a file of another layout under clip-ts's own names.
 * @throws ClipError "bad-weights" for a name that no rule knows.
 */
export function toCanonical(file: TensorFile, from: OtherLayout): TensorFile {
  const unstacked = from === "big_vision" ? unstackLayers(file) : file;
  const { names } = unstacked;
  const plan = planConversion(names, rulesFor(from, names), {
    describe: (name) => unstacked.describe(name),
    direction: "toCanonical",
    unknown: (name) =>
      new ClipError(
        "bad-weights",
        `${name}: no tensor of a known CLIP, SigLIP or RoBERTa has this name.`,
        { data: { name } },
      ),
  });
  return plannedFile(unstacked, plan);
}
