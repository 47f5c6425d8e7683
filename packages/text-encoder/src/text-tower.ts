import type { RandomStream } from "@clip-ts/base";
import type { ParamSpec, ParamTree } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { CausalTextParams } from "./causal-tower.ts";
import type { TextConfig } from "./config.ts";
import type { EncodedText } from "./encoded-text.ts";
import type { RobertaTextParams } from "./roberta-spec.ts";
import type { SiglipTextParams } from "./siglip-tower.ts";
import type { TextDropout } from "./roberta-dropout.ts";
import type { TextOptions } from "./text-options.ts";

/** A tower's parameters: of built-in kinds under their published names, of others any tree. */
export type TextParams<Leaf = Tensor> =
  | CausalTextParams<Leaf>
  | RobertaTextParams<Leaf>
  | SiglipTextParams<Leaf>
  | ParamTree<Leaf>;

/** How many captions a batch has, and how many tokens a row. */
export interface BatchSize {
  readonly batch: number;
  readonly tokens: number;
}

/** A kind of text tower: all that others have to know of it. */
export interface TextTower<
  Config extends TextConfig = TextConfig,
  Params extends TextParams = TextParams,
> {
  /** The kind in words: "it has …". */
  readonly title: string;
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
  /** The `depth` of the last block; a head stands one deeper. */
  depth(config: Config): number;
  /** Kind and sizes in words, for people. */
  describe(config: Config): string;
  /** What a training step draws for a batch of captions; nothing for configs without dropout. */
  draws(config: Config, size: BatchSize, random: RandomStream): TextDropout;
}
