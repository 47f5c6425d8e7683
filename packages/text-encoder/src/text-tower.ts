import type { RandomStream } from "@clip-ts/base";
import type { ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { CausalTextParams } from "./causal-tower.ts";
import type { TextConfig } from "./config.ts";
import type { EncodedText } from "./encoded-text.ts";
import type { RobertaTextParams } from "./roberta-spec.ts";
import type { SiglipTextParams } from "./siglip-tower.ts";
import type { TextDropout } from "./roberta-dropout.ts";
import type { TextOptions } from "./text-options.ts";

/** The parameters of one of the towers under its published names. */
export type TextParams<Leaf = Tensor> =
  | CausalTextParams<Leaf>
  | RobertaTextParams<Leaf>
  | SiglipTextParams<Leaf>;

/** A kind of text tower: all that others have to know of it. */
export interface TextTower<
  Config extends TextConfig = TextConfig,
  Params extends TextParams = TextParams,
> {
  /** Shapes and starting values; takes no memory. */
  spec(config: Config): TextParams<ParamSpec>;
  /** As `encodeText`; the ids have been checked. */
  encode(params: Params, ids: Tensor, config: Config, options: TextOptions): EncodedText;
  /** Length of a caption's pooled feature. */
  width(config: Config): number;
  /** Whether the feature is one of the joint space, so that no head has to follow. */
  readonly endsInJointSpace: boolean;
  /** Whether it looks at `TextOptions.attentionMask`. */
  readonly readsMask: boolean;
  /** The kind in words, for people. */
  readonly title: string;
  /** What a training step draws for a batch of captions; nothing for configs without dropout. */
  draws(
    config: Config,
    size: { readonly batch: number; readonly tokens: number },
    random: RandomStream,
  ): TextDropout;
}
