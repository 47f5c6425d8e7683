import type { RandomStream } from "@clip-ts/base";
import {
  assertPlainData,
  assertShape,
  assertSizes,
  depthOf,
  describeSettings,
  type ParamSpec,
  type TreeOf,
} from "@clip-ts/core";
import { expandDims, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type {
  BatchSize,
  CaptionConfig,
  EncodedText,
  OwnTextConfig,
  TextOptions,
  TextParams,
  TextTower,
} from "./config.ts";
import type { TextDropout } from "./dropout.ts";

/** What `encode` of an own tower gives: the feature, and what else it has to say. */
export type OwnEncodedText = Pick<EncodedText, "pooled"> & Partial<EncodedText>;

/** A text tower of one's own. `spec`, `encode` and `width` are all that it needs. */
export interface TextTowerDefinition<Config extends CaptionConfig, Spec extends object> {
  /** Its name in the `config.json` of a model. */
  readonly name: string;
  /** Shapes, starting values and roles, in a tree of any form; takes no memory. */
  spec(config: Config): Spec;
  /**
   * Ids [batch, tokens] int32, tokens ≤ contextLength → `pooled` [batch, width], by operations that have
   * gradients. `lastHidden` is `pooled` unless it is given. What it makes on the way is disposed.
   */
  encode(params: TreeOf<Spec, ParamSpec, Tensor>, ids: Tensor, config: Config, options: TextOptions): OwnEncodedText;
  /** Length of the `pooled` feature. */
  width(config: Config): number;
  /** Whether the feature is one of the joint space, so that no head has to follow; false by default. */
  readonly endsInJointSpace?: boolean;
  /** Whether it looks at `TextOptions.attentionMask`; false by default. */
  readonly readsMask?: boolean;
  /**
   * Whether padding changes the feature, so that every row has to fill the whole context; false by
   * default: then rows of a batch are as wide as its longest caption.
   */
  readonly readsPadding?: boolean;
  /** The `depth` of its last layer, for rates by layer; by default the largest that `spec` gives. */
  depth?(config: Config): number;
  /** Name and sizes in words; by default all that its config says. */
  describe?(config: Config): string;
  /** What a training step draws for `TextOptions`; nothing by default. */
  draws?(config: Config, size: BatchSize, random: RandomStream): TextDropout;
}

/** Ids that are those of CLIP's tokenizer unless they are said: the last one ends a caption, 0 pads. */
type Usual = "endTokenId" | "padTokenId";

/** What a config is made of: all that the tower asks for. */
export type TextSettings<Config extends CaptionConfig> = Omit<Config, Usual> & Partial<Pick<Config, Usual>>;

/** A text tower of one's own: makes configs, and reads those that a file names it in. */
export interface OwnTextTower<Config extends CaptionConfig = CaptionConfig> extends TextTower<OwnTextConfig> {
  readonly side: "text";
  readonly name: string;
  /** A config with this tower. @throws ClipError "bad-config" for settings that are no plain data. */
  config(settings: TextSettings<Config>): OwnTextConfig;
}

/**
 * A text tower of one's own, for every place that takes a built-in one: `tower.config({ … })` is the
 * `text` of a model's config. The functions are pure and borrow what they are given; their `config` is
 * what `tower.config` was given.
 */
export function defineTextTower<Config extends CaptionConfig, Spec extends object>(
  definition: TextTowerDefinition<Config, Spec>,
): OwnTextTower<Config> {
  const { name, endsInJointSpace = false, readsMask = false, readsPadding = false } = definition;
  const given = ({ settings, ...config }: OwnTextConfig): Config => {
    const { vocabSize, contextLength, endTokenId, padTokenId } = config;
    const captions: CaptionConfig = { vocabSize, contextLength, endTokenId, padTokenId };
    return { ...settings, ...captions } as Config;
  };
  const tower: OwnTextTower<Config> = {
    side: "text",
    name,
    title: `a text tower of its own, "${name}"`,
    config(said) {
      const usual = { endTokenId: (said as CaptionConfig).vocabSize - 1, padTokenId: 0 };
      const { vocabSize, contextLength, endTokenId, padTokenId, ...settings } = {
        ...usual,
        ...said,
      } as CaptionConfig;
      assertSizes({ vocabSize, contextLength }, `The tower "${name}"`);
      assertSizes({ endTokenId, padTokenId }, `The tower "${name}"`, 0);
      assertPlainData(settings, `The tower "${name}": settings`);
      const captions: CaptionConfig = { vocabSize, contextLength, endTokenId, padTokenId };
      return { kind: "own", tower, ...captions, readsPadding, settings };
    },
    spec: (config) => definition.spec(given(config)) as TextParams<ParamSpec>,
    encode: (params, ids, config, options) =>
      tidy(() => {
        const tree = params as TreeOf<Spec, ParamSpec, Tensor>;
        const { pooled, lastHidden } = definition.encode(tree, ids, given(config), options);
        assertShape(pooled, ["batch", tower.width(config)], `pooled feature of "${name}"`);
        return { pooled, lastHidden: lastHidden ?? expandDims(pooled, 1) };
      }),
    width: (config) => definition.width(given(config)),
    endsInJointSpace,
    readsMask,
    depth: (config) => definition.depth?.(given(config)) ?? depthOf(tower.spec(config)),
    describe: (config) => definition.describe?.(given(config)) ?? describeSettings(tower, config.settings),
    draws: (config, size, random) => definition.draws?.(given(config), size, random) ?? {},
  };
  return tower;
}
