import { assertShape, withGradient } from "@clip-ts/core";
import {
  add,
  div,
  mul,
  reshape,
  softmax,
  sub,
  sum,
  tidy,
  transpose,
  type Scalar,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { crossEntropyBothWays, similarityLogits, type ContrastiveInputs } from "./contrastive-loss.ts";
import {
  chunkLogits,
  pairCount,
  pairwiseGradients,
  rowChunks,
  softmaxBothWays,
  streamLogSumExps,
  streamTotals,
  withTensors,
  type LogSumExps,
  type PairwiseInputs,
  type RowChunk,
} from "./pairwise.ts";

/** Features that a student and its teacher give to the same pairs; the joint spaces may differ. */
export interface DistillationInputs {
  readonly student: ContrastiveInputs;
  /** Gets no gradient. */
  readonly teacher: ContrastiveInputs;
}

/**
 * Cross-entropy of the student's matching with the teacher's, image to text and text to image: the
 * part that open_clip's `DistillClipLoss` adds to the contrastive loss (after Hinton et al. 2015,
 * arXiv:1503.02531, the logit scales being the temperatures). It is least, but not 0, where both agree.
 */
export function distillationLoss({ student, teacher }: DistillationInputs): Scalar {
  const [logits, wanted] = [similarityLogits(student), similarityLogits(teacher)];
  assertShape(wanted, logits.shape, "the teacher's logits of the same pairs");
  return crossEntropyBothWays(logits, {
    byImage: softmax(wanted),
    byText: transpose(softmax(transpose(wanted))),
  });
}

/** Features of a large batch, given by a student and its teacher, and how it is cut. */
export interface ChunkedDistillationInputs extends DistillationInputs {
  /** Rows of the matrices of all pairs in memory at a time; by default as many as 64 MiB hold. */
  readonly chunk?: number;
}

/** The same with tensors for both scales. */
interface DistillationTensors {
  readonly student: PairwiseInputs;
  readonly teacher: PairwiseInputs;
  readonly chunk?: number | undefined;
}

/** Features, and the log-sum-exps of all their logits. */
interface Matching {
  readonly inputs: PairwiseInputs;
  readonly sums: LogSumExps;
}

/** Both probabilities that a model gives to each pair of a chunk, added. */
const matchingOf = ({ inputs, sums }: Matching, chunk: RowChunk): Tensor =>
  tidy(() => softmaxBothWays(chunkLogits(inputs, chunk), chunk, sums));

const toTensors = ({ inputs, sums }: Matching): Tensor[] => [
  inputs.imageFeatures,
  inputs.textFeatures,
  inputs.scale,
  sums.byImage,
  sums.byText,
];

function fromTensors(saved: readonly Tensor[]): Matching {
  const [imageFeatures, textFeatures, scale, byImage, byText] = saved as [...[Tensor, Tensor, Tensor, Tensor, Tensor]];
  return { inputs: { imageFeatures, textFeatures, scale }, sums: { byImage, byText } };
}

function checkTeacher(batch: number, { imageFeatures, textFeatures }: PairwiseInputs): void {
  assertShape(imageFeatures, [batch, "joint"], "the teacher's image features of the same pairs");
  assertShape(textFeatures, imageFeatures.shape, "the teacher's text features of the same pairs");
}

function lossOfTensors(inputs: DistillationTensors): Scalar {
  const { imageFeatures, textFeatures, scale } = inputs.student;
  const batch = pairCount(inputs.student);
  checkTeacher(batch, inputs.teacher);
  const chunks = rowChunks(batch, inputs.chunk);
  return withGradient({
    inputs: [imageFeatures, textFeatures, scale],
    forward(save) {
      const teacher = { inputs: inputs.teacher, sums: streamLogSumExps(inputs.teacher, chunks) };
      const { agreement, ...sums } = streamTotals(inputs.student, chunks, (logits, chunk) =>
        sum(mul(logits, matchingOf(teacher, chunk))),
      );
      save(...toTensors({ inputs: inputs.student, sums }), ...toTensors(teacher));
      const entropies = add(sum(sums.byImage), sum(sums.byText));
      return reshape(div(sub(entropies, agreement), 2 * batch), []);
    },
    backward(dy, saved) {
      const [student, teacher] = [fromTensors(saved.slice(0, 5)), fromTensors(saved.slice(5))];
      return pairwiseGradients({
        inputs: student.inputs,
        chunks,
        slope: (logits, chunk) => sub(softmaxBothWays(logits, chunk, student.sums), matchingOf(teacher, chunk)),
        matching: 0,
        factor: div(dy, 2 * batch),
      });
    },
  }) as Scalar;
}

/**
 * `distillationLoss` for batches whose matrix of all pairs is too large to hold: log-sum-exps of both
 * models' rows and columns are streamed chunk by chunk, the teacher's first, and the logits computed
 * once more for the gradient. Value and gradients equal the dense loss's.
 */
export function chunkedDistillationLoss(inputs: ChunkedDistillationInputs): Scalar {
  const { student, teacher, chunk } = inputs;
  return withTensors({ student: student.scale, teacher: teacher.scale }, (scales) =>
    lossOfTensors({
      student: { ...student, scale: scales.student },
      teacher: { ...teacher, scale: scales.teacher },
      chunk,
    }),
  );
}
