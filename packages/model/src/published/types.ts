/** How open_clip prepares pictures for published weights, in the words of its `preprocess_cfg`. */
export interface OpenClipPreprocess {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: string;
  readonly resize_mode: string;
}

/** One of open_clip's architectures. */
export interface Architecture {
  /**
   * Numbers that are learned, counted in open_clip's own model of the config; absent where that fetches a text tower
   * whose config is not known.
   */
  readonly parameters?: number;
  /** Pixels a side, or height and width. */
  readonly imageSize: number | readonly number[];
  /** Tokens of a caption, start and end included. */
  readonly contextLength: number;
  /** The repository of the tokenizer; CLIP's own where it is absent. */
  readonly tokenizer?: string;
  /** open_clip's `model_cfg`. */
  readonly config: object;
}

/** Weights that open_clip's `pretrained.py` lists. */
export interface OpenClipWeights {
  readonly architecture: string;
  readonly tag: string;
  /** Where they lie on the hub. */
  readonly repository?: string;
  /** Their file there; open_clip's usual names where it is absent. */
  readonly file?: string;
  /** Where they lie elsewhere. */
  readonly url?: string;
  /** They were trained with QuickGELU, whatever the architecture's own config says. */
  readonly quickGelu?: boolean;
  /** Place of their preprocessing in the list of all. */
  readonly preprocess: number;
}

/** A checkpoint that a configuration class of transformers names. */
export interface TransformersCheckpoint {
  readonly repository: string;
  /** `model_type` of its config. */
  readonly type: string;
  /** What the class's defaults say, where they are the checkpoint's. */
  readonly parameters?: number;
  readonly imageSize?: number;
  readonly contextLength?: number;
  /** transformers' class of its tokenizer. */
  readonly tokenizer?: string;
}

/** A model of which clip-ts has the numbers, but not what they are computed from. */
export interface WorksInPart {
  /** What has to be made elsewhere. */
  readonly by: "token ids" | "pixel values";
  readonly why: string;
}

/**
 * Whether clip-ts gave the original's token ids, pixels and numbers when they were last compared: true, by which of
 * them only, or why it does not.
 */
export type Works = true | WorksInPart | string;
