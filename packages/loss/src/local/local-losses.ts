import { assertShape } from "@clip-ts/core";
import {
  add,
  div,
  logSumExp,
  mean,
  mul,
  sigmoid,
  softmax,
  softplus,
  sub,
  sum,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { checkTargets, groupTargets, type ContrastiveInputs, type TargetOptions } from "../contrastive-loss.ts";
import { contrastiveSlope } from "../chunked-contrastive-loss.ts";
import { rowsOf, softmaxBothWays, type LogSumExps } from "../pairwise.ts";
import type { LocalLoss, RowSums } from "./local-loss.ts";
import { bySide, logitsOf, type LogitBlock, type Side } from "./local-pairs.ts";

const bothSides: readonly Side[] = ["image", "text"];

/** How many pairs all ranks have. */
const pairsOf = ({ logits }: LogitBlock): number => logits.shape[1] as number;

/** Mean of the cross-entropies of all images and all texts. */
const meanEntropy = ({ imageEntropy, textEntropy }: RowSums): Scalar =>
  div(add(mean(imageEntropy as Tensor), mean(textEntropy as Tensor)), 2);

/** Log-sum-exps of a model's logits, of all images and all texts. */
interface AllLogSumExps {
  readonly image: Tensor;
  readonly text: Tensor;
}

/** Those of the rows and of the columns of a block, whose rows may be texts. */
const fromSide = ({ side }: LogitBlock, { image, text }: AllLogSumExps): LogSumExps =>
  side === "image" ? { byImage: image, byText: text } : { byImage: text, byText: image };

const studentSums = (sums: RowSums): AllLogSumExps => ({
  image: sums["imageLogSumExp"] as Tensor,
  text: sums["textLogSumExp"] as Tensor,
});

/** Σ targets · logits of each row of a block. → [rows]. */
function agreementOf({ logits, matching, rows }: LogitBlock, { groups, labelSmoothing = 0 }: TargetOptions): Tensor {
  const right = groups === undefined ? matching : sum(mul(groupTargets(groups, rows), logits), 1);
  if (labelSmoothing === 0) return right;
  return add(mul(right, 1 - labelSmoothing), mul(mean(logits, 1), labelSmoothing));
}

/**
 * `contrastiveLoss` and, with `groups` of the pairs of all ranks, `multiPositiveLoss`, in local form: open_clip's
 * `ClipLoss` with `local_loss` and `gather_with_grad`. @throws ClipError "bad-argument" or "bad-shape", when it is run.
 */
export function localContrastive(options: TargetOptions = {}): LocalLoss {
  const { groups, labelSmoothing = 0 } = options;
  return {
    sides: bothSides,
    rowSums(block) {
      checkTargets(pairsOf(block), options);
      const total = logSumExp(block.logits, 1);
      return {
        [`${block.side}LogSumExp`]: total,
        [`${block.side}Entropy`]: sub(total, agreementOf(block, options)),
      };
    },
    value: meanEntropy,
    slope(block, sums) {
      const { logits, rows } = block;
      const slope = contrastiveSlope(logits, rows, fromSide(block, studentSums(sums)), options);
      return div(slope, 2 * pairsOf(block));
    },
    matching: (pairs) => (groups === undefined ? (1 - labelSmoothing) / pairs : 0),
  };
}

/** A teacher's logits for the pairs of a block. */
function teacherLogits(teacher: ContrastiveInputs, { side, rows, logits }: LogitBlock): Tensor {
  const [own, all] = bySide(teacher, side) as [Tensor, Tensor];
  for (const features of [own, all]) {
    assertShape(features, [logits.shape[1] as number, "joint"], "the teacher's features of the pairs of all ranks");
  }
  return logitsOf(teacher, side, [rowsOf(own, rows), all]);
}

/** `distillationLoss` in local form; the teacher's features are those of the pairs of all ranks. */
export const localDistillation = (teacher: ContrastiveInputs): LocalLoss => ({
  sides: bothSides,
  rowSums(block) {
    const [total, wanted] = [logSumExp(block.logits, 1), teacherLogits(teacher, block)];
    return {
      [`${block.side}LogSumExp`]: total,
      [`${block.side}Entropy`]: sub(total, sum(mul(softmax(wanted), block.logits), 1)),
      [`${block.side}Teacher`]: logSumExp(wanted, 1),
    };
  },
  value: meanEntropy,
  slope(block, sums) {
    const teacherSums = { image: sums["imageTeacher"] as Tensor, text: sums["textTeacher"] as Tensor };
    const said = softmaxBothWays(block.logits, block.rows, fromSide(block, studentSums(sums)));
    const wanted = softmaxBothWays(teacherLogits(teacher, block), block.rows, fromSide(block, teacherSums));
    return div(sub(said, wanted), 2 * pairsOf(block));
  },
  matching: () => 0,
});

/** `sigmoidLoss` in local form: every pair is judged alone, so that images alone have sums. */
export const localSigmoid = (): LocalLoss => ({
  sides: ["image"],
  rowSums: ({ logits, matching }) => ({ entropy: sub(sum(softplus(logits), 1), matching) }),
  value: ({ entropy }) => mean(entropy as Tensor),
  slope: (block) => div(sigmoid(block.logits), pairsOf(block)),
  matching: (pairs) => 1 / pairs,
});
