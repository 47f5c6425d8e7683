import type { HeadKind } from "@clip-ts/projection";
import type { TextConfig } from "@clip-ts/text-encoder";

/** What every section of open_clip's file shares. */
export interface OpenClipContext {
  readonly embedDim: number;
  readonly quickGelu: boolean;
}

/** A text tower and the head behind it. */
export interface TextSide {
  readonly text: TextConfig;
  readonly textHead: HeadKind;
}
