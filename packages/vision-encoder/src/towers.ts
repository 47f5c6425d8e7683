import { ClipError, shown } from "@clip-ts/base";
import { assertShape, ownTowerOf, refuseOwnTower, type ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type {
  BuiltInVisionConfig,
  BuiltInVisionTower,
  EncodedImage,
  OwnVisionConfig,
  VisionConfig,
  VisionOptions,
  VisionParams,
  VisionTower,
} from "./config.ts";
import { resnet } from "./resnet/resnet.ts";
import { vit } from "./vit/encode.ts";

/** Names of the kinds of vision towers that are built in. */
export type VisionKind = NonNullable<BuiltInVisionConfig["kind"]>;

/** The configs of one kind of vision tower. */
export type VisionConfigOf<Kind extends VisionKind> = Extract<BuiltInVisionConfig, { readonly kind?: Kind }>;

/** Every kind of vision tower that is built in. */
export const visionTowers: {
  readonly [Kind in VisionKind]: BuiltInVisionTower<VisionConfigOf<Kind>, never>;
} = { vit, resnet };

/** Whether somebody defined the tower elsewhere. */
export function isOwnVision(config: VisionConfig): config is OwnVisionConfig {
  return config.kind === "own";
}

/**
 * The config of a built-in tower, for what `who` can do with no other.
 * @throws ClipError "unsupported" for a tower of one's own.
 */
export function builtInVision(config: VisionConfig, who: string): BuiltInVisionConfig {
  return isOwnVision(config) ? refuseOwnTower(config.tower, who) : config;
}

/** The kind of a config; one that says none is a vision transformer's. */
export function visionKind(config: BuiltInVisionConfig): VisionKind;
export function visionKind(config: VisionConfig): VisionKind | "own";
export function visionKind({ kind = "vit" }: VisionConfig): VisionKind | "own" {
  if (kind === "own" || Object.hasOwn(visionTowers, kind)) return kind;
  const known = Object.keys(visionTowers).map((name) => `"${name}"`);
  throw new ClipError(
    "bad-config",
    `There is no vision tower of kind ${shown(kind)}: use ${known.join(" or ")}. ` +
      "One of your own is made with defineVisionTower.",
    { data: { kind } },
  );
}

/** The tower that a config describes. @throws ClipError "bad-config" for a kind that does not exist. */
export function visionTower(config: BuiltInVisionConfig): BuiltInVisionTower;
export function visionTower(config: VisionConfig): VisionTower;
export function visionTower(config: VisionConfig): VisionTower {
  return isOwnVision(config) ? ownTowerOf(config.tower, "vision") : visionTowers[visionKind(config)];
}

/**
 * Whether the tower is a vision transformer: for what only these can be, such as the formats of other
 * libraries, which any other kind of tower then is refused by.
 */
export function isVit(config: VisionConfig): config is VisionConfigOf<"vit"> {
  return visionKind(config) === "vit";
}

/** One answer for each kind of vision tower. */
export type VisionCases<Answer> = {
  [Kind in VisionKind]: (config: VisionConfigOf<Kind>) => Answer;
};

/**
 * The answer for the kind of this config.
 * @throws ClipError "unsupported" for a tower of one's own, which has none of these kinds.
 */
export function matchVision<Answer>(config: VisionConfig, cases: VisionCases<Answer>): Answer {
  const known = builtInVision(config, "What depends on a tower's kind");
  const answer = cases[visionKind(known)] as (own: BuiltInVisionConfig) => Answer;
  return answer(known);
}

/** Shapes and starting values of the tower; takes no memory. */
export function visionSpec(config: VisionConfig): VisionParams<ParamSpec> {
  return visionTower(config).spec(config);
}

/** Length of the tower's `pooled` feature. */
export function visionFeatureWidth(config: VisionConfig): number {
  return visionTower(config).width(config);
}

/**
 * Runs the tower that the config describes.
 * pixels [batch, channels, imageSize, imageSize], normalised → one feature for each image, and what it
 * was pooled from. The caller owns the outputs.
 * @throws ClipError "bad-shape" if the pixels do not fit the config.
 */
export function encodeImage(
  params: VisionParams,
  pixels: Tensor,
  config: VisionConfig,
  options: VisionOptions = {},
): EncodedImage {
  const { channels, imageSize } = config;
  assertShape(pixels, ["batch", channels, imageSize, imageSize], "pixel values");
  return visionTower(config).encode(params, pixels, config, options);
}
