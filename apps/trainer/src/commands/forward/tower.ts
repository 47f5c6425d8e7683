import { ClipError } from "@clip-ts/base";
import { flattenTree, unflattenLike, type HostArray, type ParamSpec } from "@clip-ts/core";
import type { Compiler } from "@clip-ts/engines";
import { closing, loadHeadAlone, loadHostTowerAlone, loadTowerAlone, type StoredTower } from "@clip-ts/inference";
import type { NamedTensors } from "@clip-ts/jit";
import type { PairBatch, TowerConfig } from "@clip-ts/model";
import { project } from "@clip-ts/projection";
import { encodeText, textSpec, type TextParams } from "@clip-ts/text-encoder";
import { encodeImage, visionSpec, type VisionParams } from "@clip-ts/vision-encoder";
import type { HostTensor } from "@clip-ts/weights";
import type { Tensor } from "@tensorflow/tfjs-core";
import { disposeTensors, runFunction, type NamedInputs } from "./outputs.ts";
import type { BatchArrays } from "./run.ts";

/** A tower's own outputs: its features as they leave it, of any length, and what they are pooled from. */
function runTower(
  tower: TowerConfig,
  params: NamedTensors,
  { pixelValues, inputIds, attentionMask }: Partial<PairBatch>,
): NamedTensors {
  if (tower.side === "vision") {
    const tree = unflattenLike<object, ParamSpec, Tensor>(visionSpec(tower.config), params);
    const { pooled, lastHidden } = encodeImage(tree as VisionParams, pixelValues as Tensor, tower.config);
    return { image_features: pooled, image_last_hidden: lastHidden };
  }
  const tree = unflattenLike<object, ParamSpec, Tensor>(textSpec(tower.config), params);
  const options = { attentionMask };
  const { pooled, lastHidden } = encodeText(tree as TextParams, inputIds as Tensor, tower.config, options);
  return { text_features: pooled, text_last_hidden: lastHidden };
}

/** The same features in the joint space, of length 1, if there is a head. */
function projected(tower: TowerConfig, outputs: NamedTensors, head: NamedTensors): NamedTensors {
  const { weight, bias } = head;
  if (weight === undefined) return outputs;
  const [feature, name] =
    tower.side === "vision" ? [outputs["image_features"], "image_embeds"] : [outputs["text_features"], "text_embeds"];
  const embeds = project({ weight, ...(bias && { bias }) }, feature as Tensor);
  return { ...outputs, [name]: embeds };
}

/** A tower's parameters by path. The caller owns what of them is tensors. */
async function loadNamed(stored: StoredTower, compiler: Compiler | undefined): Promise<NamedInputs> {
  const load = compiler === undefined ? loadTowerAlone : loadHostTowerAlone;
  return flattenTree<Tensor | HostArray>(await load(stored));
}

/** What a tower reads, and what it is called in files. */
const inputsOf = {
  vision: { key: "pixelValues", name: "pixel_values" },
  text: { key: "inputIds", name: "input_ids" },
} as const;

/**
 * Runs one tower that stands alone and brings its outputs to host memory: `image_features` or
 * `text_features`, which no head has projected and nothing has scaled, the last hidden states and, where a head
 * stands behind the tower, `image_embeds` or `text_embeds` of length 1. Inputs of the other side are left alone.
 * @throws ClipError "bad-data" without the inputs that the tower reads.
 */
export async function towerTensors(
  stored: StoredTower,
  inputs: BatchArrays,
  compiler: Compiler | undefined,
): Promise<Record<string, HostTensor>> {
  const { name: model, tower } = stored;
  const { key, name } = inputsOf[tower.side];
  if (inputs[key] === undefined) {
    throw new ClipError(
      "bad-data",
      `${model} holds a ${tower.side} tower alone, which reads ${name}, and the file has none.`,
      { data: { model, side: tower.side } },
    );
  }
  const { pixelValues, inputIds, attentionMask } = inputs;
  const read = tower.side === "vision" ? { pixelValues } : { inputIds, attentionMask };
  const given = Object.entries(read).flatMap(([input, array]) =>
    array === undefined ? [] : [[input, array] as const],
  );
  const [head, params] = await closing(
    stored,
    async () =>
      [flattenTree<HostArray>((await loadHeadAlone(stored)) ?? {}), await loadNamed(stored, compiler)] as const,
  );
  try {
    return await runFunction(
      (all) => projected(tower, runTower(tower, all.param, all.input), all.head),
      { param: params, head, input: Object.fromEntries(given) },
      compiler,
    );
  } finally {
    disposeTensors(params);
  }
}
