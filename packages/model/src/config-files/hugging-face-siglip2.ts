import { initialSigmoidLogitScale } from "@clip-ts/projection";
import type { SiglipTextConfig } from "@clip-ts/text-encoder";
import type { NaflexConfig } from "@clip-ts/vision-encoder";
import { headsOf, lossOf, type BuiltInClipConfig, type ClipConfig } from "../config.ts";
import { formatTransformer, parseTraining, parseTransformer } from "./hugging-face-clip.ts";
import { formatSiglipModel, parseSiglipText, siglipDefaults } from "./hugging-face-siglip.ts";
import type { Json, Section } from "./section.ts";

/** SigLIP 2's vision tower of variable resolution: its table of positions is square, whatever pictures are. */
function parseVision(section: Section): NaflexConfig {
  section.only("vision_use_head", true);
  const patchSize = section.side("patch_size", siglipDefaults.patchSize);
  const places = section.positive("num_patches", 256);
  const grid = Math.round(Math.sqrt(places));
  if (grid ** 2 !== places) section.refuse("num_patches", "a square number, such as 256");
  return {
    kind: "naflex",
    ...parseTransformer(section, siglipDefaults),
    imageSize: grid * patchSize,
    patchSize,
    channels: section.positive("num_channels", 3),
  };
}

/** Reads model type "siglip2". */
export function parseHuggingFaceSiglip2(root: Section): BuiltInClipConfig {
  const vision = parseVision(root.section("vision_config", {}));
  return {
    projectionDim: vision.width,
    initialLogitScale: root.logScale("logit_scale_init_value", initialSigmoidLogitScale),
    vision,
    text: parseSiglipText(root.section("text_config", {})),
    imageHead: "none",
    loss: { kind: "sigmoid" },
    ...parseTraining(root),
  };
}

/** The towers, if transformers' `Siglip2Model` computes the same with the same parameters. */
export function towersOfSiglip2(
  config: ClipConfig,
): { readonly vision: NaflexConfig; readonly text: SiglipTextConfig } | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (vision.kind !== "naflex" || text.kind !== "siglip" || lossOf(config).kind !== "sigmoid") return undefined;
  const isPlain = vision.layerScale === undefined && heads.image === "none" && heads.text === "none";
  return isPlain ? { vision, text } : undefined;
}

/** Writes model type "siglip2". */
export function formatHuggingFaceSiglip2(
  config: ClipConfig,
  { vision, text }: { readonly vision: NaflexConfig; readonly text: SiglipTextConfig },
): Json {
  const written = {
    ...formatTransformer(vision),
    num_patches: (vision.imageSize / vision.patchSize) ** 2,
    patch_size: vision.patchSize,
    num_channels: vision.channels,
  };
  return formatSiglipModel(config, "siglip2", { text, vision: written });
}
