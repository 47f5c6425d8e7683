import type { TransformerConfig } from "@clip-ts/transformer";
import type { OwnTextTower } from "./own-tower.ts";

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
   * The token whose feature stands for the caption: the first end token (default), or the last of
   * the row, for captions that are always padded to the whole context.
   */
  readonly pooling?: "end" | "last";
  /** Whether a token sees only itself and those before it. Default true. */
  readonly causal?: boolean;
}

/** RoBERTa (Liu et al. 2019, arXiv:1907.11692): norms after each step, padding masked. */
export interface RobertaTextConfig extends TransformerConfig, CaptionConfig {
  readonly kind: "roberta";
  /** Id of the start token, whose feature "first" pools. */
  readonly startTokenId: number;
  /** Rows of the token-type table; every token is of type 0. */
  readonly tokenTypes: number;
  /**
   * What stands for the caption: its first token, the mean or the largest values of its tokens, or
   * its first token through BERT's dense layer and tanh, as Hugging Face's dual encoder takes it.
   */
  readonly pooling: "first" | "mean" | "max" | "pooler";
  /** Share of the activations that a training step drops, 0 by default; see `drawTextDropout`. */
  readonly hiddenDropout?: number;
  /** Share of the attention weights that a training step drops, 0 by default. */
  readonly attentionDropout?: number;
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
export type BuiltInTextConfig = CausalTextConfig | RobertaTextConfig | SiglipTextConfig;

/** A text tower, told apart by `kind`; without one it is CLIP's. */
export type TextConfig = BuiltInTextConfig | OwnTextConfig;
