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
import { planesForm, type PixelForm } from "./pixel-form.ts";
import { expandDims, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type {
  EncodedImage,
  ImageConfig,
  OwnVisionConfig,
  VisionDraws,
  VisionOptions,
  VisionParams,
  VisionPositions,
  VisionTower,
} from "./config.ts";

/** What `encode` of an own tower gives: the feature, and what else it has to say. */
export type OwnEncodedImage = Pick<EncodedImage, "pooled"> & Partial<EncodedImage>;

/** A vision tower of one's own. `spec`, `encode` and `width` are all that it needs. */
export interface VisionTowerDefinition<Config extends ImageConfig, Spec extends object> {
  /** Its name in the `config.json` of a model. */
  readonly name: string;
  /** Shapes, starting values and roles, in a tree of any form; takes no memory. */
  spec(config: Config): Spec;
  /**
   * Pixels [batch, channels, imageSize, imageSize], or as `pixels` says → `pooled` [batch, width], by operations that have
   * gradients. `lastHidden` is `pooled` and `statistics` is empty unless they are given. What it makes on
   * the way is disposed.
   */
  encode(
    params: TreeOf<Spec, ParamSpec, Tensor>,
    pixels: Tensor,
    config: Config,
    options: VisionOptions,
  ): OwnEncodedImage;
  /** Length of the `pooled` feature. */
  width(config: Config): number;
  /** Whether the feature is one of the joint space, so that no head has to follow; false by default. */
  readonly endsInJointSpace?: boolean;
  /** The `depth` of its last layer, for rates by layer; by default the largest that `spec` gives. */
  depth?(config: Config): number;
  /** With `positions`: places along a side of an image. */
  grid?(config: Config): number;
  /** Its table of positions, which is interpolated for images of another size; by default there is none. */
  positions?(config: Config): VisionPositions;
  /** How images lie in what it reads; by default planes, [channels, imageSize, imageSize]. */
  pixels?(config: Config): PixelForm;
  /** Name and sizes in words; by default all that its config says. */
  describe?(config: Config): string;
  /** What a training step draws for `VisionOptions`; nothing by default. */
  draws?(config: Config, batch: number, random: RandomStream): VisionDraws;
}

/** What a config is made of: all that the tower asks for, and 3 channels unless it is said. */
export type VisionSettings<Config extends ImageConfig> = Omit<Config, "channels"> & Partial<Pick<Config, "channels">>;

/** A vision tower of one's own: makes configs, and reads those that a file names it in. */
export interface OwnVisionTower<Config extends ImageConfig = ImageConfig> extends VisionTower<OwnVisionConfig> {
  readonly side: "vision";
  readonly name: string;
  /** A config with this tower. @throws ClipError "bad-config" for settings that are no plain data. */
  config(settings: VisionSettings<Config>): OwnVisionConfig;
}

/**
 * A vision tower of one's own, for every place that takes a built-in one: `tower.config({ … })` is the
 * `vision` of a model's config. The functions are pure and borrow what they are given; their `config` is
 * what `tower.config` was given.
 */
export function defineVisionTower<Config extends ImageConfig, Spec extends object>(
  definition: VisionTowerDefinition<Config, Spec>,
): OwnVisionTower<Config> {
  const { name, endsInJointSpace = false } = definition;
  const given = ({ imageSize, channels, settings }: OwnVisionConfig): Config =>
    ({ ...settings, imageSize, channels }) as ImageConfig as Config;
  const tower: OwnVisionTower<Config> = {
    side: "vision",
    name,
    title: `a vision tower of its own, "${name}"`,
    config(said) {
      const { imageSize, channels, ...settings } = { channels: 3, ...said } as ImageConfig;
      assertSizes({ imageSize, channels }, `The tower "${name}"`);
      assertPlainData(settings, `The tower "${name}": settings`);
      return { kind: "own", tower, imageSize, channels, settings };
    },
    spec: (config) => definition.spec(given(config)) as VisionParams<ParamSpec>,
    encode: (params, pixels, config, options) =>
      tidy(() => {
        const tree = params as TreeOf<Spec, ParamSpec, Tensor>;
        const { pooled, lastHidden, statistics } = definition.encode(tree, pixels, given(config), options);
        assertShape(pooled, ["batch", tower.width(config)], `pooled feature of "${name}"`);
        return {
          pooled,
          lastHidden: lastHidden ?? expandDims(pooled, 1),
          statistics: statistics ?? {},
        };
      }),
    width: (config) => definition.width(given(config)),
    endsInJointSpace,
    depth: (config) => definition.depth?.(given(config)) ?? depthOf(tower.spec(config)),
    grid: (config) => definition.grid?.(given(config)) ?? 0,
    positions: (config) => definition.positions?.(given(config)),
    pixels: (config) => definition.pixels?.(given(config)) ?? planesForm(config),
    describe: (config) => definition.describe?.(given(config)) ?? describeSettings(tower, config.settings),
    draws: (config, batch, random) => definition.draws?.(given(config), batch, random) ?? {},
  };
  return tower;
}
