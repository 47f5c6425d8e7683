import type { TransformerConfig } from "@clip-ts/transformer";

/** CLIP's causal text tower. */
export interface TextConfig extends TransformerConfig {
  /** Rows of the token table. */
  readonly vocabSize: number;
  /** Most tokens a caption may have, start and end included. */
  readonly contextLength: number;
  /** Id of the start-of-text token. */
  readonly startTokenId: number;
  /** Id of the end-of-text token, whose feature stands for the caption. */
  readonly endTokenId: number;
  /** Id that fills a caption up; never looked at, since it stands after the end token. */
  readonly padTokenId: number;
}
