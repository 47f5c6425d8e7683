import type { Tensor } from "@tensorflow/tfjs-core";

/** What a tower reads in captions. */
export interface EncodedText {
  /** [batch, feature]: one vector for each caption; `textFeatureWidth` says how long. */
  readonly pooled: Tensor;
  /** [batch, tokens, dim]: every token after the last norm; [batch, 1, dim] if only one was wanted. */
  readonly lastHidden: Tensor;
}
