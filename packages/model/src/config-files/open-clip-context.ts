import type { HeadKind } from "@clip-ts/projection";
import type { BuiltInTextConfig } from "@clip-ts/text-encoder";

/** What every section of open_clip's file shares. */
export interface OpenClipContext {
  readonly embedDim: number;
  readonly quickGelu: boolean;
  /** Whether the vision tower is SigLIP's, whose text tower ends in a head with a bias. */
  readonly isSiglipVision: boolean;
}

/** A text tower and the head behind it. */
export interface TextSide {
  readonly text: BuiltInTextConfig;
  readonly textHead: HeadKind;
}
