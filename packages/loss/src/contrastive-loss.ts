import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength, withGradient } from "@clip-ts/core";
import {
  add,
  argMax,
  cast,
  div,
  equal,
  expandDims,
  eye,
  logSoftmax,
  matMul,
  mean,
  mul,
  neg,
  range,
  slice,
  softmax,
  sub,
  sum,
  transpose,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { OneNumber, PairFeatures, RowChunk } from "./pairwise.ts";

/** The first member of the group that `row` is in. */
function leaderOf(leaders: Int32Array, row: number): number {
  let leader = row;
  while (leaders[leader] !== leader) leader = leaders[leader] as number;
  return leader;
}

/**
 * Numbers pairs so that those with the same image or the same caption share a number, also by way of a
 * third: the `groups` of `multiPositiveLoss`. `images` and `captions` are what tells them apart, row by
 * row: keys, hashes or the captions themselves.
 * @throws ClipError "bad-argument" if there are not as many captions as images.
 */
export function pairGroups(images: readonly (string | number)[], captions: readonly (string | number)[]): Int32Array {
  if (images.length !== captions.length) {
    throw new ClipError(
      "bad-argument",
      `Pairs need an image and a caption each; got ${images.length} images and ${captions.length} captions.`,
    );
  }
  const leaders = Int32Array.from(images, (_, row) => row);
  for (const side of [images, captions]) {
    const first = new Map<string | number, number>();
    side.forEach((name, row) => {
      const earlier = first.get(name);
      if (earlier === undefined) return void first.set(name, row);
      const [a, b] = [leaderOf(leaders, earlier), leaderOf(leaders, row)];
      leaders[Math.max(a, b)] = Math.min(a, b);
    });
  }
  return leaders.map((_, row) => leaderOf(leaders, row));
}

/** Which texts are right for an image, and how sure of it the loss should be. */
export interface TargetOptions {
  /**
   * [batch] int32: pairs with the same number show or say the same thing, so each one's text is right
   * for the other's image too. Every pair stands alone by default.
   */
  readonly groups?: Tensor;
  /** Share of each row of targets that is spread evenly over the batch: 0 by default, below 1. */
  readonly labelSmoothing?: number;
}

/** Checks the options against the number of pairs. @throws ClipError "bad-argument" or "bad-shape". */
export function checkTargets(batch: number, { groups, labelSmoothing = 0 }: TargetOptions): void {
  if (groups !== undefined) assertShape(groups, [batch], "groups of the pairs");
  if (labelSmoothing >= 0 && labelSmoothing < 1) return;
  throw new ClipError("bad-argument", `labelSmoothing: expected at least 0 and below 1, got ${labelSmoothing}.`);
}

/**
 * For a chunk of images, an even share of 1 for each text of the same group. Groups do not overlap, so
 * the full matrix is symmetric and its columns are the texts' targets. → [rows, batch].
 */
export function groupTargets(groups: Tensor, { start, end }: RowChunk): Tensor {
  const own = slice(groups, [start], [end - start]);
  const alike = cast(equal(expandDims(own, 1), expandDims(groups, 0)), "float32");
  return div(alike, sum(alike, 1, true));
}

/** The probabilities that the loss asks of every image and every text. → symmetric [batch, batch]. */
function pairTargets(batch: number, options: TargetOptions): Tensor {
  const { groups, labelSmoothing = 0 } = options;
  const right = groups === undefined ? eye(batch) : groupTargets(groups, { start: 0, end: batch });
  if (labelSmoothing === 0) return right;
  return add(mul(right, 1 - labelSmoothing), labelSmoothing / batch);
}

/** What each row and each column should say, as probabilities that sum to 1. */
export interface BothWaysTargets {
  /** [batch, batch], rows sum to 1. */
  readonly byImage: Tensor;
  /** [batch, batch], columns sum to 1. */
  readonly byText: Tensor;
}

/**
 * Mean of the cross-entropies of rows and of columns with given targets, which get no gradient.
 * logits [batch, batch] → scalar. Its gradient is (softmax over rows + softmax over columns - targets) / 2·batch.
 */
export function crossEntropyBothWays(logits: Tensor, targets: BothWaysTargets): Scalar {
  const batch = axisLength(logits, 0);
  return withGradient({
    inputs: [logits],
    forward(save) {
      save(logits, targets.byImage, targets.byText);
      const byImage = mul(logSoftmax(logits), targets.byImage);
      const byText = mul(transpose(logSoftmax(transpose(logits))), targets.byText);
      return neg(div(sum(add(byImage, byText)), 2 * batch));
    },
    backward(dy, saved) {
      const [kept, byImage, byText] = saved as [Tensor, Tensor, Tensor];
      const rows = softmax(kept);
      const columns = transpose(softmax(transpose(kept)));
      const excess = sub(add(rows, columns), add(byImage, byText));
      return [mul(excess, div(dy, 2 * batch))];
    },
  }) as Scalar;
}

/**
 * Mean of the cross-entropies of rows and of columns, with the diagonal as the right answers unless the
 * options say otherwise. logits [batch, batch] → scalar.
 */
export function symmetricCrossEntropy(logits: Tensor, options: TargetOptions = {}): Scalar {
  const batch = axisLength(logits, 0);
  assertShape(logits, [batch, batch], "logits of matching pairs");
  checkTargets(batch, options);
  const targets = pairTargets(batch, options);
  return crossEntropyBothWays(logits, { byImage: targets, byText: targets });
}

/** Unit features of matching pairs and the factor on their cosines. */
export interface ContrastiveInputs extends PairFeatures {
  /** Scalar factor on the cosines: exp of the stored logit scale, 1 / temperature; a plain number where it is not learnt. */
  readonly scale: OneNumber;
}

/** scale · cosine of every image with every text. → [images, texts]. */
export function similarityLogits({ imageFeatures, textFeatures, scale }: ContrastiveInputs): Tensor {
  return mul(matMul(imageFeatures, textFeatures, false, true), scale);
}

/**
 * CLIP's symmetric contrastive loss (Radford et al. 2021, arXiv:2103.00020, figure 3): each image must
 * find its caption among the batch's captions, each caption its image. Label smoothing is Szegedy et
 * al.'s (2016, arXiv:1512.00567, section 7).
 */
export function contrastiveLoss(
  inputs: ContrastiveInputs,
  options: Pick<TargetOptions, "labelSmoothing"> = {},
): Scalar {
  return symmetricCrossEntropy(similarityLogits(inputs), options);
}

/** Features of pairs of which some show or say the same. */
export interface MultiPositiveInputs extends ContrastiveInputs {
  /** [batch] int32: pairs with the same number match each other. `pairGroups` finds them. */
  readonly groups: Tensor;
}

/**
 * The contrastive loss for batches with duplicate captions or images: every text of an image's group is
 * right and has an even share of the target (Khosla et al. 2020, arXiv:2004.11362, equation 2; for
 * image-text pairs Yang et al. 2022, arXiv:2204.03610). Without duplicates it is `contrastiveLoss`.
 */
export function multiPositiveLoss(
  inputs: MultiPositiveInputs,
  { labelSmoothing = 0 }: Pick<TargetOptions, "labelSmoothing"> = {},
): Scalar {
  return symmetricCrossEntropy(similarityLogits(inputs), { groups: inputs.groups, labelSmoothing });
}

/** Share of rows whose largest entry stands on the diagonal. logits [batch, batch] → scalar in [0, 1]. */
export function matchingAccuracy(logits: Tensor): Scalar {
  const right = range(0, axisLength(logits, 0), 1, "int32");
  return mean(cast(equal(argMax(logits, 1), right), "float32"));
}
