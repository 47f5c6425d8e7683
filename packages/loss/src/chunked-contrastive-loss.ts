import { withGradient } from "@clip-ts/core";
import { add, div, mul, reshape, sub, sum, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import { checkTargets, groupTargets, type ContrastiveInputs, type TargetOptions } from "./contrastive-loss.ts";
import {
  pairCount,
  pairwiseGradients,
  rowChunks,
  rowsOf,
  softmaxBothWays,
  streamTotals,
  withTensors,
  type LogSumExps,
  type PairwiseInputs,
  type RowChunk,
} from "./pairwise.ts";

/** Features of a large batch and how it is cut. */
export interface ChunkedContrastiveInputs extends ContrastiveInputs, TargetOptions {
  /** Rows of the matrix of all pairs in memory at a time; by default as many as 64 MiB hold. */
  readonly chunk?: number;
}

/** The same with a tensor for the scale. */
type ChunkedTensors = ChunkedContrastiveInputs & PairwiseInputs;

/** Sum of targets · logits over a chunk; the diagonal is cheaper to have without its matrix. */
function chunkAgreement(
  logits: Tensor,
  chunk: RowChunk,
  { imageFeatures, textFeatures, scale, groups, labelSmoothing = 0 }: ChunkedTensors,
): Tensor {
  const matching = mul(rowsOf(imageFeatures, chunk), rowsOf(textFeatures, chunk));
  const right = groups === undefined ? mul(sum(matching), scale) : sum(mul(groupTargets(groups, chunk), logits));
  if (labelSmoothing === 0) return right;
  const even = mul(sum(logits), labelSmoothing / (logits.shape[1] as number));
  return add(mul(right, 1 - labelSmoothing), even);
}

/**
 * Softmax over rows + softmax over columns - 2 · targets, the targets' diagonal left to the caller, of a chunk of
 * logits [rows, pairs].
 */
export function contrastiveSlope(
  logits: Tensor,
  chunk: RowChunk,
  sums: LogSumExps,
  { groups, labelSmoothing = 0 }: TargetOptions,
): Tensor {
  const both = softmaxBothWays(logits, chunk, sums);
  const even = (2 * labelSmoothing) / (logits.shape[1] as number);
  const spread = even === 0 ? both : sub(both, even);
  if (groups === undefined) return spread;
  return sub(spread, mul(groupTargets(groups, chunk), 2 * (1 - labelSmoothing)));
}

function lossOfTensors(inputs: ChunkedTensors): Scalar {
  const { imageFeatures, textFeatures, scale, groups, labelSmoothing = 0 } = inputs;
  const batch = pairCount(inputs);
  checkTargets(batch, inputs);
  const chunks = rowChunks(batch, inputs.chunk);
  return withGradient({
    inputs: [imageFeatures, textFeatures, scale],
    forward(save) {
      const { byImage, byText, agreement } = streamTotals(inputs, chunks, (logits, chunk) =>
        chunkAgreement(logits, chunk, inputs),
      );
      save(imageFeatures, textFeatures, scale, byImage, byText, ...(groups ? [groups] : []));
      const entropies = div(add(sum(byImage), sum(byText)), 2);
      return reshape(div(sub(entropies, agreement), batch), []);
    },
    backward(dy, saved) {
      const [images, texts, factor, byImage, byText, kept] = saved as [
        ...[Tensor, Tensor, Tensor, Tensor, Tensor],
        Tensor?,
      ];
      const targets = kept === undefined ? { labelSmoothing } : { labelSmoothing, groups: kept };
      return pairwiseGradients({
        inputs: { imageFeatures: images, textFeatures: texts, scale: factor },
        chunks,
        slope: (logits, chunk) => contrastiveSlope(logits, chunk, { byImage, byText }, targets),
        matching: kept === undefined ? 2 * (1 - labelSmoothing) : 0,
        factor: div(dy, 2 * batch),
      });
    },
  }) as Scalar;
}

/**
 * `contrastiveLoss` and `multiPositiveLoss` for batches whose matrix of all pairs is too large to hold:
 * log-sum-exps of rows and columns are streamed chunk by chunk, and the logits are computed once more
 * for the gradient. Values and gradients equal the dense losses'.
 */
export function chunkedContrastiveLoss(inputs: ChunkedContrastiveInputs): Scalar {
  const { scale } = inputs;
  return withTensors({ scale }, (tensors) => lossOfTensors({ ...inputs, ...tensors }));
}
