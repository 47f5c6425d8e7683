import type { RandomStream } from "@clip-ts/base";
import type { ParamSpec, ParamTree } from "@clip-ts/core";
import type { TransformerConfig } from "@clip-ts/transformer";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { AltClipTextParams } from "./altclip-tower.ts";
import type { TokenPooling } from "./captions.ts";
import type { CausalTextParams } from "./causal-tower.ts";
import type { M2m100TextParams } from "./m2m100-tower.ts";
import type { Mt5TextParams } from "./mt5-tower.ts";
import type { OwnTextTower } from "./own-tower.ts";
import type { Dropout, TextDropout } from "./dropout.ts";
import type { RelativeBuckets } from "./relative-bias.ts";
import type { RobertaTextParams } from "./roberta-tower.ts";
import type { SiglipTextParams } from "./siglip-tower.ts";

/** What every text tower says about its captions. */
export interface CaptionConfig {
  /** Rows of the token table. */
  readonly vocabSize: number;
  /** Most tokens a caption may have, start and end included. */
  readonly contextLength: number;
  /** Id of the end-of-text token. */
  readonly endTokenId: number;
  /** Id that fills a caption up. */
  readonly padTokenId: number;
}

/** CLIP's text tower (Radford et al. 2021, arXiv:2103.00020) and its variants in open_clip. */
export interface CausalTextConfig extends TransformerConfig, CaptionConfig {
  readonly kind?: "clip";
  /** Id of the start-of-text token. */
  readonly startTokenId: number;
  /**
   * The token whose feature stands for the caption: the first end token (default), the last of
   * the row, for captions that are always padded to the whole context, or the first of the row.
   */
  readonly pooling?: "end" | "last" | "first";
  /** Whether a token sees only itself and those before it. Default true. */
  readonly causal?: boolean;
}

/** What BERT and those that come from it say: norms after each step, padding masked. */
export interface BertFamilyConfig extends TransformerConfig, CaptionConfig, Dropout {
  readonly kind: "bert" | "roberta";
  /** Rows of the token-type table; every token is of type 0. */
  readonly tokenTypes: number;
  /**
   * What stands for the caption: its first token, the mean or the largest values of its tokens, or
   * its first token through BERT's dense layer and tanh, as Hugging Face's dual encoder takes it.
   */
  readonly pooling: "first" | "mean" | "max" | "pooler";
}

/** BERT (Devlin et al. 2018, arXiv:1810.04805): positions are counted from the start of the row. */
export interface BertTextConfig extends BertFamilyConfig {
  readonly kind: "bert";
}

/** RoBERTa (Liu et al. 2019, arXiv:1907.11692): positions are counted behind padding's id. */
export interface RobertaTextConfig extends BertFamilyConfig {
  readonly kind: "roberta";
  /** Id of the start token, whose feature "first" pools. */
  readonly startTokenId: number;
}

/** AltCLIP's text tower (Chen et al. 2022, arXiv:2211.06679): XLM-R whose first token a linear layer ends in. */
export interface AltClipTextConfig extends Omit<RobertaTextConfig, "kind" | "pooling"> {
  readonly kind: "altclip";
  /** Length of the feature, that of the tower which taught it. */
  readonly headWidth: number;
}

/** The encoder of M2M-100 (Fan et al. 2020, arXiv:2010.11125), which is NLLB's: pre-norm, fixed positions. */
export interface M2m100TextConfig extends TransformerConfig, CaptionConfig, Dropout {
  readonly kind: "m2m100";
  /** What stands for the caption: its first token, the mean or the largest values of its tokens. */
  readonly pooling: TokenPooling;
}

/** mT5's encoder (Xue et al. 2020, arXiv:2010.11934): relative positions, RMS norms, gated MLPs, no biases. */
export interface Mt5TextConfig extends TransformerConfig, CaptionConfig, RelativeBuckets {
  readonly kind: "mt5";
  /** Length of an attention head. */
  readonly headDim: number;
  /** What stands for the caption, as above. */
  readonly pooling: TokenPooling;
}

/**
 * SigLIP's text tower (Zhai et al. 2023, arXiv:2303.15343): every token sees every other, padding
 * included, and the last one goes through a head of the tower's own. Captions fill the whole context.
 */
export interface SiglipTextConfig extends TransformerConfig, CaptionConfig {
  readonly kind: "siglip";
  /** Length of the head's feature. */
  readonly headWidth: number;
}

/** A text tower that somebody defined elsewhere, with `defineTextTower`; its `config` makes these. */
export interface OwnTextConfig extends CaptionConfig {
  readonly kind: "own";
  /** What computes it. A file has its name in this place. */
  readonly tower: OwnTextTower;
  /** Whether padding changes the feature, so that every row has to fill the whole context. */
  readonly readsPadding: boolean;
  /** What the tower asks for beside captions' sizes and ids: plain data. */
  readonly settings: object;
}

/** A text tower that is built in: these have published weights, which other libraries know. */
export type BuiltInTextConfig =
  | CausalTextConfig
  | BertTextConfig
  | RobertaTextConfig
  | AltClipTextConfig
  | M2m100TextConfig
  | Mt5TextConfig
  | SiglipTextConfig;

/** A text tower, told apart by `kind`; without one it is CLIP's. */
export type TextConfig = BuiltInTextConfig | OwnTextConfig;

/** What a tower may be told besides the ids. */
export interface TextOptions {
  /**
   * [batch, tokens], 1 where a token may be seen. Towers with `readsMask` look at it; without it, padding
   * is found by its id.
   */
  readonly attentionMask?: Tensor | undefined;
  /**
   * [batch, 1 + 2 · layers, tokens, dim] int32, 0 where a training step drops an activation:
   * those that enter the first block, then what each attention and each MLP adds.
   */
  readonly keptHidden?: Tensor | undefined;
  /** [batch, layers, heads, tokens, tokens] int32, 0 where it drops an attention weight. */
  readonly keptAttention?: Tensor | undefined;
  /** Whether the backward pass computes each block again instead of keeping what it computed. */
  readonly checkpoint?: boolean | undefined;
  /** Whether `lastHidden` need hold no more than the token that is pooled; false by default. */
  readonly onlyPooled?: boolean | undefined;
}

/** What a tower reads in captions. */
export interface EncodedText {
  /** [batch, feature]: one vector for each caption; `textFeatureWidth` says how long. */
  readonly pooled: Tensor;
  /** [batch, tokens, dim]: every token after the last norm; [batch, 1, dim] if only one was wanted. */
  readonly lastHidden: Tensor;
}

/** A tower's parameters: of built-in kinds under their published names, of others any tree. */
export type TextParams<Leaf = Tensor> =
  | CausalTextParams<Leaf>
  | RobertaTextParams<Leaf>
  | AltClipTextParams<Leaf>
  | M2m100TextParams<Leaf>
  | Mt5TextParams<Leaf>
  | SiglipTextParams<Leaf>
  | ParamTree<Leaf>;

/** How many captions a batch has, and how many tokens a row. */
export interface BatchSize {
  readonly batch: number;
  readonly tokens: number;
}

/** A kind of text tower: all that others have to know of it. */
export interface TextTower<Config extends TextConfig = TextConfig, Params extends TextParams = TextParams> {
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
