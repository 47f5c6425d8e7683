import type { TransformerConfig } from "@clip-ts/transformer";

/** A CLIP vision transformer. */
export interface VisionConfig extends TransformerConfig {
  /** Side of the square input in pixels; a multiple of `patchSize`. */
  readonly imageSize: number;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** 3 for RGB. */
  readonly channels: number;
}
