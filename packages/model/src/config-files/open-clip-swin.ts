import type { SwinConfig } from "@clip-ts/vision-encoder";
import { refuseForOpenClip } from "./open-clip-style.ts";
import type { Json, Section } from "./section.ts";

/** Sizes of timm's Swin transformers by name: width, blocks, heads. */
const timmSwins: Readonly<Record<string, readonly [number, readonly number[], readonly number[]]>> = {
  tiny: [96, [2, 2, 6, 2], [3, 6, 12, 24]],
  small: [96, [2, 2, 18, 2], [3, 6, 12, 24]],
  base: [128, [2, 2, 18, 2], [4, 8, 16, 32]],
  large: [192, [2, 2, 18, 2], [6, 12, 24, 48]],
};

/** One of timm's Swin transformers as timm builds it; undefined for a name that is none of them. */
function timmSwin(name: string): SwinConfig | undefined {
  const [, size = "", window, imageSize] = /^swin_([a-z]+)_patch4_window(7|12)_(224|384)$/u.exec(name) ?? [];
  const sizes = timmSwins[size];
  if (sizes === undefined || (window === "7") !== (imageSize === "224")) return undefined;
  const [width, layers, stageHeads] = sizes;
  return {
    kind: "swin",
    imageSize: Number(imageSize),
    channels: 3,
    patchSize: 4,
    width,
    layers,
    stageHeads,
    window: Number(window),
    mlpRatio: 4,
    activation: "gelu",
    layerNormEps: 1e-5,
  };
}

/** Reads a Swin transformer with a linear head, which open_clip takes from timm by name; undefined for another name. */
export function parseTimmSwin(section: Section): SwinConfig | undefined {
  const vision = timmSwin(section.text("timm_model_name").replace(/\..*$/u, "")); // without the weights' tag
  if (vision === undefined) return undefined;
  section.choice("timm_pool", ["", "avg"], "avg"); // timm's own is the mean
  section.choice("timm_proj", ["linear"], "linear");
  section.only("timm_proj_bias", false);
  section.only("image_size", vision.imageSize);
  return vision;
}

/** Writes a Swin transformer by its name in timm. @throws ClipError if timm has none of its sizes. */
export function formatTimmSwin(vision: SwinConfig): Json {
  const isSame = (known: SwinConfig): boolean =>
    Object.entries(known).every(([key, value]) => String(vision[key as keyof SwinConfig]) === String(value));
  const name = Object.keys(timmSwins)
    .map((size) => `swin_${size}_patch4_window${vision.window}_${vision.imageSize}`)
    .find((known) => {
      const built = timmSwin(known);
      return built !== undefined && isSame(built);
    });
  if (name === undefined) return refuseForOpenClip("a Swin transformer of these sizes");
  return {
    image_size: vision.imageSize,
    timm_model_name: name,
    timm_model_pretrained: false,
    timm_pool: "avg",
    timm_proj: "linear",
  };
}
