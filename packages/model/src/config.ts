import type { TextConfig } from "@clip-ts/text-encoder";
import type { VisionConfig } from "@clip-ts/vision-encoder";

/** A whole CLIP: two towers and the space they share. */
export interface ClipConfig {
  readonly vision: VisionConfig;
  readonly text: TextConfig;
  /** Length of the vectors in the joint space. */
  readonly projectionDim: number;
  /** Starting logarithm of the factor on cosines. */
  readonly initialLogitScale: number;
}
