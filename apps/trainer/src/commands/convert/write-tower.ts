import { ClipError, modelFiles } from "@clip-ts/base";
import { assertTorchvision, formatRobertaConfig, type TowerConfig } from "@clip-ts/model";
import { writeRobertaDescription, writeTorchvisionDescription } from "@clip-ts/node";
import { builtInVision } from "@clip-ts/vision-encoder";
import { convertLayout, type TensorFile } from "@clip-ts/weights";
import { type Model, type StoredTower } from "@clip-ts/inference";
import { writeWeights } from "./write.ts";

/** A tower on its way: what describes it, and weights that hold it, with others or alone. */
export type ConvertedTower = Omit<StoredTower, "name" | "close">;

/** A target of `convert` that takes one tower of a model, or a tower alone. */
interface TowerTarget {
  readonly side: TowerConfig["side"];
  /** What of a model is written. */
  readonly part: string;
  readonly write: (output: string, tower: ConvertedTower) => Promise<void>;
}

function wrongSide(side: string): never {
  throw new ClipError("bad-argument", `Expected a ${side} tower.`, { data: { side } });
}

/** Weights under the names of a library, whichever they have; by way of ours, which are the strictest. */
function renamed(file: TensorFile, layout: "torchvision" | "roberta"): TensorFile {
  return convertLayout(convertLayout(file, "huggingface"), layout);
}

async function writeTorchvision(output: string, opened: ConvertedTower): Promise<void> {
  const { tower, weights: open, ...beside } = opened;
  if (tower.side !== "vision") return wrongSide("vision");
  const config = { vision: tower.config };
  assertTorchvision(config);
  const weights = renamed(await open(), "torchvision");
  await writeTorchvisionDescription(output, { config, ...beside });
  await writeWeights(output, modelFiles.weights, weights, towerTargets["torchvision"]?.part);
}

async function writeRoberta(output: string, opened: ConvertedTower): Promise<void> {
  const { tower, weights: open, ...beside } = opened;
  if (tower.side !== "text") return wrongSide("text");
  const config = { text: tower.config };
  formatRobertaConfig(config);
  const weights = renamed(await open(), "roberta");
  await writeRobertaDescription(output, { config, ...beside });
  await writeWeights(output, modelFiles.weights, weights, towerTargets["roberta"]?.part);
}

/** Targets of `convert` that hold one tower. */
export const towerTargets: Readonly<Record<string, TowerTarget>> = {
  torchvision: {
    side: "vision",
    part: "the vision tower without a classifier",
    write: writeTorchvision,
  },
  roberta: { side: "text", part: "the text tower", write: writeRoberta },
};

/** One tower of a whole model. @throws ClipError "unsupported" for a text tower that is no RoBERTa. */
export function towerOf(side: TowerConfig["side"], { config, preprocess, tokenizer, weights }: Model): ConvertedTower {
  if (side === "vision") {
    const vision = builtInVision(config.vision, "A tower in a file by itself");
    return { tower: { side, config: vision }, preprocess, weights };
  }
  const { text } = config;
  if (text.kind !== "roberta") {
    formatRobertaConfig(config); // says what it is
    return wrongSide("text");
  }
  return { tower: { side, config: text }, weights, ...(tokenizer !== undefined && { tokenizer }) };
}
