import { withGradientAside, type FlatTree } from "@clip-ts/core";
import { imageSide, textSide, type ClipParams, type EncodedSide } from "@clip-ts/model";
import type { EncodedRows, FeatureRows } from "@clip-ts/optim";
import { clone, reshape, zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import { compareFeatures, type LogitParams } from "./compare-features.ts";
import type { LazyBatch } from "./step-batch.ts";
import { modelParams, type TrainingPlan } from "./training-plan.ts";

/** A micro-batch on the engine. */
export type MicroBatch = {
  readonly pixelValues: Tensor;
  readonly inputIds: Tensor;
  readonly keptPatches?: Tensor;
  readonly keptHidden?: Tensor;
  readonly keptAttention?: Tensor;
};

/** The two halves of a run's loss: what is done for each pair, and what for all of them. */
export interface LossParts {
  /** Leaves that learn, of which only `compare` knows. */
  readonly compared: readonly string[];
  /** Both towers on one micro-batch. */
  encode(leaves: FlatTree<Tensor>, micro: MicroBatch): EncodedRows;
  /** The loss of the rows of all pairs, and what is worth reporting of it. */
  compare(
    leaves: FlatTree<Tensor>,
    features: FeatureRows,
    batch: LazyBatch,
  ): { readonly loss: Tensor; readonly aux: { readonly accuracy: Tensor } };
}

/** Runs a tower without a tape: nothing in it learns, so nothing need be kept. */
function withoutTape(
  input: Tensor,
  run: () => EncodedSide,
): Pick<EncodedSide, "features" | "statistics"> {
  const { value, aside } = withGradientAside({
    inputs: [input],
    forward() {
      const { features, statistics } = run();
      return { value: features, aside: statistics };
    },
    backward: () => [zerosLike(input)],
  });
  return { features: value, statistics: aside };
}

/** Both towers on one micro-batch. */
function encodePairs(
  params: ClipParams,
  { pixelValues, inputIds, keptPatches, keptHidden, keptAttention }: MicroBatch,
  { plan, checkpoint }: { readonly plan: TrainingPlan; readonly checkpoint: boolean },
): EncodedRows {
  const { clip, isFrozen, updatesStatistics: training } = plan;
  const onlyPooled = true; // the last block of a tower computes no more than what is pooled
  const seeImages = (): EncodedSide =>
    imageSide(params, pixelValues, clip, { training, checkpoint, keptPatches, onlyPooled });
  const dropout = { keptHidden, keptAttention };
  const readTexts = (): EncodedSide =>
    textSide(params, inputIds, clip, { checkpoint, onlyPooled, ...dropout });
  const image = isFrozen.image ? withoutTape(pixelValues, seeImages) : seeImages();
  const text = isFrozen.text ? withoutTape(inputIds, readTexts) : readTexts();
  return { features: { image: image.features, text: text.features }, aside: image.statistics };
}

/** What `compare` needs of the leaves. */
function logitParams({ logit_scale, logit_bias }: FlatTree<Tensor>): LogitParams {
  const scale = { logit_scale: logit_scale as Tensor };
  return logit_bias === undefined ? scale : { ...scale, logit_bias };
}

/** The logarithm that the loss is computed with, as a metric. */
export const logitScaleOf = (leaves: FlatTree<Tensor>): Tensor =>
  reshape(clone(leaves["logit_scale"] as Tensor), []);

/** Sets up the loss of a run. */
export function createLossParts(config: RunConfig, plan: TrainingPlan): LossParts {
  const options = { plan, checkpoint: config.gradientCheckpointing };
  return {
    compared: ["logit_scale", "logit_bias"].filter((path) => path in plan.trained),
    encode: (leaves, micro) => encodePairs(modelParams(plan, leaves), micro, options),
    compare(leaves, { image, text }, batch) {
      const features = { image: image as Tensor, text: text as Tensor };
      const given = { config, clip: plan.clip, batch };
      const { loss, accuracy } = compareFeatures(logitParams(leaves), features, given);
      return { loss, aux: { accuracy } };
    },
  };
}
