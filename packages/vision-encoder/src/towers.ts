import { ClipError, shown, shownSize, sidesOf, sizeOf, type ImageSize } from "@clip-ts/base";
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
import { naflex } from "./naflex/naflex.ts";
import { planesForm, type PixelForm } from "./pixel-form.ts";
import { resnet } from "./resnet/resnet.ts";
import { efficientnet } from "./efficientnet/efficientnet.ts";
import { swin } from "./swin/swin.ts";
import { vit } from "./vit/encode.ts";

/** Names of the kinds of vision towers that are built in. */
export type VisionKind = NonNullable<BuiltInVisionConfig["kind"]>;

/** The configs of one kind of vision tower. */
export type VisionConfigOf<Kind extends VisionKind> = Extract<BuiltInVisionConfig, { readonly kind?: Kind }>;

/** Every kind of vision tower that is built in. */
export const visionTowers: {
  readonly [Kind in VisionKind]: BuiltInVisionTower<VisionConfigOf<Kind>, never>;
} = { vit, resnet, swin, efficientnet, naflex };

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

/**
 * Whether a tower sees images of any size with the same weights, so that its config's size is only that of its
 * positions (DINOv2), or of nothing (EfficientNet): what the images have is said where they are prepared.
 */
export function seesAnySize(config: VisionConfig): boolean {
  if (config.kind === "efficientnet") return true;
  return isVit(config) && config.positionGrid !== undefined;
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

/**
 * The same tower for images of another size. @throws ClipError "bad-config" for two different sides, of which only
 * vision transformers take any.
 */
export function withImageSize<Config extends VisionConfig>(config: Config, size: ImageSize): Config {
  const { height, width } = sidesOf(size);
  const imageSize = sizeOf({ height, width });
  if (height === width || isVit(config)) return { ...config, imageSize };
  throw new ClipError(
    "bad-config",
    `Images of ${shownSize(size)} pixels are for vision transformers; ${visionTower(config).title} takes squares: ` +
      "give one number.",
    { data: { imageSize } },
  );
}

/** Length of the tower's `pooled` feature. */
export function visionFeatureWidth(config: VisionConfig): number {
  return visionTower(config).width(config);
}

/** How images lie in what the tower reads. */
export function pixelForm(config: VisionConfig): PixelForm {
  return visionTower(config).pixels?.(config) ?? planesForm(config);
}

/**
 * Runs the tower that the config describes.
 * pixels [batch, ...pixelForm], by default [batch, channels, height, width], normalised → one feature for each image, and what it
 * was pooled from. The caller owns the outputs.
 * @throws ClipError "bad-shape" if the pixels do not fit the config.
 */
export function encodeImage(
  params: VisionParams,
  pixels: Tensor,
  config: VisionConfig,
  options: VisionOptions = {},
): EncodedImage {
  assertShape(pixels, ["batch", ...pixelForm(config).shape], "pixel values");
  return visionTower(config).encode(params, pixels, config, options);
}
