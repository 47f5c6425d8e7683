import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { modelFiles } from "@clip-ts/base";
import { withStoredPositions, type ModelDescription } from "@clip-ts/inference";
import { assertBigVision, ownFormatReason, weightNamesOf, type ClipConfig } from "@clip-ts/model";
import { writeDescription, writeOpenClipDescription, writeTokenizer } from "@clip-ts/node";
import {
  convertLayout,
  lazyTensors,
  streamNpz,
  streamSafetensors,
  withUnlearnt,
  type Layout,
  type TensorFile,
} from "@clip-ts/weights";
import { note } from "../../cli/output.ts";
import { attentionHeads } from "../shared/open-model.ts";
import { writeOutput } from "../shared/output-files.ts";

/** Writes tensors into a folder as they are named, and says so; `part` tells what of a model they are. */
export async function writeWeights(output: string, name: string, file: TensorFile, part?: string): Promise<void> {
  const tensors = lazyTensors(file);
  const metadata = { ...file.metadata, format: "pt" }; // transformers asks for it
  const isNumpy = name === modelFiles.numpyWeights;
  const { chunks, byteLength } = isNumpy ? streamNpz(tensors) : streamSafetensors(tensors, metadata);
  await writeOutput(join(output, name), chunks());
  const size = (byteLength / 2 ** 20).toFixed(1);
  const which = part === undefined ? "" : ` (${part})`;
  note(`wrote ${file.names.length} tensors${which}, ${size} MiB, to ${output}`);
}

/** What a target of `convert` writes. */
interface Target {
  readonly layout: Layout | ((config: ClipConfig) => Layout);
  readonly weights: string;
  readonly describe: (folder: string, description: ModelDescription) => Promise<void>;
  /** Refuses a model of which the weights would be right and the results wrong. */
  readonly check?: (config: ClipConfig) => unknown;
}

async function describeForOpenClip(folder: string, description: ModelDescription): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeOpenClipDescription(folder, description);
  if (description.tokenizer !== undefined) await writeTokenizer(folder, description.tokenizer);
}

/** Name schemes of whole models that `convert` writes. */
export const weightTargets: Readonly<Record<string, Target>> = {
  hf: { layout: weightNamesOf, weights: modelFiles.weights, describe: writeDescription },
  openai: { layout: "openai", weights: modelFiles.weights, describe: writeDescription },
  open_clip: {
    layout: "openai",
    weights: modelFiles.openClipWeights,
    describe: describeForOpenClip,
  },
  big_vision: {
    layout: "big_vision",
    weights: modelFiles.numpyWeights,
    describe: writeDescription,
    check: assertBigVision,
  },
};

/** What is on its way into a folder. */
interface Writing extends ModelDescription {
  readonly weights: () => Promise<TensorFile>;
}

/** Says so where `config.json` is clip-ts's own, and why. */
function noteOwnFormat(target: Target, config: ClipConfig): void {
  const reason = target.describe === writeDescription ? ownFormatReason(config) : undefined;
  if (reason === undefined) return;
  note(`config.json is clip-ts's own, which transformers does not load: ${reason}`);
}

/** Why no tokenizer is written, if its files are there. */
function unreadNote({ missingTokenizer }: ModelDescription): string | undefined {
  const { isUnread = false, reason } = missingTokenizer ?? {};
  return isUnread ? `no tokenizer is written: ${reason}` : undefined;
}

/** What the target's own libraries do otherwise with captions than this model's tokenizer. */
function tokenizerNote(target: Target, description: ModelDescription): string | undefined {
  const { tokenizer } = description;
  if (tokenizer === undefined) return unreadNote(description);
  const { cleaning, source } = tokenizer;
  const repairsNothing = cleaning === "none" || cleaning === "siglip";
  if (target.describe === describeForOpenClip) {
    return repairsNothing
      ? "open_clip repairs captions (mojibake, HTML) before this tokenizer, which clip-ts and transformers do " +
          "not: ids of such captions differ there."
      : undefined;
  }
  const isKnown = repairsNothing || (source === "clip" && cleaning === "lower");
  return isKnown
    ? undefined
    : `the tokenizer cleans captions as open_clip does ("${cleaning}"), which transformers does not: clean them ` +
        "first there. clip-ts reads it from tokenizer_config.json.";
}

/** Writes a model's weights under the names of a target, and what describes it beside them. */
export async function writeConverted(output: string, target: Target, model: Writing): Promise<void> {
  const { config } = model;
  target.check?.(config);
  const layout = typeof target.layout === "function" ? target.layout(config) : target.layout;
  const file = await model.weights();
  const whole = layout === "openai" ? withStoredPositions(config, file) : file;
  const renamed = withUnlearnt(convertLayout(whole, layout, attentionHeads(config)), layout);
  await target.describe(output, model);
  noteOwnFormat(target, config);
  const said = tokenizerNote(target, model);
  if (said !== undefined) note(said);
  await writeWeights(output, target.weights, renamed);
}
