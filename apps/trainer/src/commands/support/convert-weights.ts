import { clipSpec, type InferOptions } from "@clip-ts/model";
import {
  atResolution,
  checkOrigin,
  describeModel,
  startEngine,
  withWeights,
  type ModelDescription,
} from "@clip-ts/node";
import { checkFit, type TensorFile } from "@clip-ts/weights";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { interpolatedWeights } from "./interpolated-weights.ts";
import { weightTargets, writeConverted } from "./write-converted.ts";

/** A model on its way from one folder to another. */
interface Converted {
  readonly description: ModelDescription;
  readonly file: TensorFile;
}

/** `--alpha` from 0 to 1; half way if it is not given. */
function alphaOf(args: Arguments): number {
  const text = args.text("alpha") ?? "0.5";
  const alpha = Number(text);
  if (text.trim() !== "" && alpha >= 0 && alpha <= 1) return alpha;
  throw new UsageError(`--alpha ${text}: expected a number from 0 to 1.`);
}

/** `--activation`, for weights that come without a config. */
function activationOf(args: Arguments): InferOptions {
  const activation = args.text("activation");
  if (activation === undefined) return {};
  if (activation === "gelu" || activation === "quick_gelu") return { activation };
  throw new UsageError(`--activation ${activation}: expected gelu or quick_gelu.`);
}

/** The model with the weights between it and another, if `--interpolate` names one. */
async function withOther<Result>(
  converted: Converted,
  args: Arguments,
  use: (converted: Converted) => Promise<Result>,
): Promise<Result> {
  const other = args.text("interpolate");
  if (other === undefined) {
    if (args.text("alpha") !== undefined) throw new UsageError("--alpha goes with --interpolate.");
    return use(converted);
  }
  const alpha = alphaOf(args);
  await startEngine("cpu");
  return withWeights(other, (file) => {
    checkFit(clipSpec(converted.description.config), file);
    const mixed = interpolatedWeights(converted.file, file, alpha);
    return use({ ...converted, file: mixed });
  });
}

/** The model with its positions for another image size, if `--resolution` gives one. */
async function resized({ description, file }: Converted, args: Arguments): Promise<Converted> {
  const size = countOption(args, "resolution");
  if (size === undefined) return { description, file };
  await startEngine("cpu");
  const { facts, file: view } = atResolution(description, file, size);
  return { description: { ...description, ...facts }, file: view };
}

/** `convert` to names of another library: the weights, changed as the options say. */
export async function convertWeights(
  args: Arguments,
  { model, output, to }: { readonly model: string; readonly output: string; readonly to: string },
): Promise<void> {
  const target = weightTargets[to]!;
  const description = await describeModel(model, activationOf(args));
  await withWeights(model, async (file) => {
    checkOrigin(description.config, model, file);
    checkFit(clipSpec(description.config), file);
    await withOther({ description, file }, args, async (mixed) => {
      const converted = await resized(mixed, args);
      await writeConverted(output, { target, ...converted });
    });
  });
}
