import {
  chunkedContrastiveLoss,
  chunkedDistillationLoss,
  distillationLoss,
  matchingAccuracy,
  sigmoidLoss,
} from "@clip-ts/loss";
import {
  comparePairs,
  logitsOf,
  lossOf,
  lossOfPairs,
  type ClipConfig,
  type ComparedPairs,
} from "@clip-ts/model";
import { add, mul, slice, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import type { LazyBatch } from "./step-batch.ts";

/** The loss of all pairs, and how many found each other. */
export type Comparison = { readonly loss: Scalar; readonly accuracy: Scalar };

/** The parameters that turn cosines into logits. */
export interface LogitParams {
  readonly logit_scale: Tensor;
  readonly logit_bias?: Tensor;
}

/** The loss without the matrix of all pairs; accuracy among the first `chunk` pairs. */
function compareInChunks(
  pairs: ComparedPairs,
  clip: ClipConfig,
  { chunk, groups }: { readonly chunk: number; readonly groups: Tensor | undefined },
): Comparison {
  const { imageFeatures, textFeatures, scale, bias } = pairs;
  const [batch = 0, joint = 0] = imageFeatures.shape;
  const size = [Math.min(chunk, batch), joint];
  const some = {
    ...pairs,
    imageFeatures: slice(imageFeatures, [0, 0], size),
    textFeatures: slice(textFeatures, [0, 0], size),
  };
  const accuracy = matchingAccuracy(logitsOf(some));
  const loss = lossOf(clip);
  if (loss.kind === "sigmoid" && bias !== undefined) {
    return { loss: sigmoidLoss({ imageFeatures, textFeatures, scale, bias, chunk }), accuracy };
  }
  const labelSmoothing = loss.kind === "contrastive" ? (loss.labelSmoothing ?? 0) : 0;
  const alike = groups === undefined ? {} : { groups };
  const inputs = { imageFeatures, textFeatures, scale, chunk, labelSmoothing, ...alike };
  return { loss: chunkedContrastiveLoss(inputs), accuracy };
}

/** Compares all pairs of a batch as the config asks: chunked or not, with a teacher or without. */
export function compareFeatures(
  params: LogitParams,
  { image, text }: { readonly image: Tensor; readonly text: Tensor },
  options: { readonly config: RunConfig; readonly clip: ClipConfig; readonly batch: LazyBatch },
): Comparison {
  const { config, clip, batch } = options;
  const pairs = comparePairs(params, image, text);
  const groups = batch["groups"]?.();
  const chunk = config.loss?.chunk;
  const own =
    chunk === undefined
      ? comparePairsAtOnce(pairs, clip, groups)
      : compareInChunks(pairs, clip, { chunk, groups });
  if (config.distill === undefined) return own;
  const lesson = mul(lessonOf(pairs, batch, chunk), config.distill.weight);
  return { loss: add(own.loss, lesson), accuracy: own.accuracy };
}

/** The distillation loss, by what the teacher said of the batch. */
function lessonOf(student: ComparedPairs, batch: LazyBatch, chunk: number | undefined): Scalar {
  const given = (name: string): Tensor => (batch[name] as () => Tensor)();
  const teacher = {
    imageFeatures: given("teacherImages"),
    textFeatures: given("teacherTexts"),
    scale: given("teacherScale"),
  };
  return chunk === undefined
    ? distillationLoss({ student, teacher })
    : chunkedDistillationLoss({ student, teacher, chunk });
}

function comparePairsAtOnce(
  pairs: ComparedPairs,
  clip: ClipConfig,
  groups: Tensor | undefined,
): Comparison {
  const logits = logitsOf(pairs);
  return { loss: lossOfPairs(pairs, logits, clip, groups), accuracy: matchingAccuracy(logits) };
}
