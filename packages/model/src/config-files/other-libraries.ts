import { ClipError, shownSize } from "@clip-ts/base";
import { isPlainStack } from "@clip-ts/transformer";
import { isOwnVision, isVit, visionTower, type VisionConfig, type VitConfig } from "@clip-ts/vision-encoder";
import type { ClipConfig } from "../config.ts";
import { withFractions } from "./fractions.ts";
import { formatRoberta } from "./hugging-face-dual-encoder.ts";
import { towersOfSiglip } from "./hugging-face-siglip.ts";
import { isSquare } from "./hugging-face-clip.ts";
import type { Json } from "./section.ts";

/** What a library's weights leave unsaid because its model computes nothing else. */
type Facts = Readonly<Record<string, unknown>>;

function cannotCompute(library: string, reason: string): ClipError {
  return new ClipError(
    "unsupported",
    `${library} cannot run this model: ${reason}. Convert it to "hf", which takes every model.`,
    { data: { library, reason } },
  );
}

/** Refuses a model that differs from what a library takes for granted. */
function assertFacts(library: string, part: string, wanted: Facts, found: Facts): void {
  for (const [key, value] of Object.entries(wanted)) {
    if (found[key] === value) continue;
    const [ours, theirs] = [found[key], value].map((side) => JSON.stringify(side) ?? "none");
    throw cannotCompute(library, `${part}'s ${key} is ${ours}, and there it is always ${theirs}`);
  }
}

/** What only DINOv2 and DeiT have. */
function vitOptions({ distillationToken, registerTokens, gated }: Partial<VitConfig>): Facts {
  return {
    distillationToken: distillationToken ?? false,
    registerTokens: registerTokens ?? 0,
    gated: gated ?? false,
  };
}

/** A vision transformer's options with their defaults. */
function vitFacts(vision: VitConfig): Facts {
  const { layerScale, ...rest } = vision;
  return {
    classToken: vision.classToken ?? true,
    preNorm: vision.preNorm ?? true,
    patchBias: vision.patchBias ?? false,
    pooling: vision.pooling ?? "class",
    positions: vision.positions ?? "learned",
    ...vitOptions(vision),
    layerScale,
    blocks: isPlainStack(rest) ? "plain" : "with options",
    normAfterPool: vision.normAfterPool ?? false,
    activation: vision.activation,
    layerNormEps: vision.layerNormEps,
  };
}

const torchvision = "torchvision";
const torchvisionFacts: Facts = {
  classToken: true,
  preNorm: false,
  patchBias: true,
  pooling: "class",
  positions: "learned",
  ...vitOptions({}),
  layerScale: undefined,
  blocks: "plain",
  normAfterPool: false,
  activation: "gelu",
  layerNormEps: 1e-6,
};

/**
 * Holds a vision tower against torchvision's `VisionTransformer` (`vit_b_32` and its kin), whose files
 * do not say what it computes.
 * @throws ClipError "unsupported" that names the first difference.
 */
export function assertTorchvision({ vision }: { readonly vision: VisionConfig }): void {
  if (!isVit(vision)) {
    const { title } = visionTower(vision);
    const reason = isOwnVision(vision) ? `this model has ${title}` : "it has none of CLIP's ResNets";
    throw cannotCompute(torchvision, reason);
  }
  assertFacts(torchvision, "the vision tower", torchvisionFacts, vitFacts(vision));
  const { imageSize, patchSize } = vision;
  if (typeof imageSize === "number" && typeof patchSize === "number" && imageSize % patchSize === 0) return;
  const [image, patch] = [shownSize(imageSize), shownSize(patchSize)];
  const reason = isSquare(vision)
    ? `it takes no images of ${image} pixels for patches of ${patch}, which do not fill them`
    : `its images and patches are squares, not ${image} and ${patch} pixels`;
  throw cannotCompute(torchvision, reason);
}

const bigVision = "big_vision";
const bigVisionFacts: Facts = { activation: "gelu_pytorch_tanh", layerNormEps: 1e-6 };

/**
 * Holds a model against SigLIP as big_vision computes it.
 * @throws ClipError "unsupported" that names the first difference.
 */
export function assertBigVision(config: ClipConfig): void {
  if (towersOfSiglip(config) === undefined) throw cannotCompute(bigVision, "it is no SigLIP");
  assertFacts(bigVision, "the vision tower", bigVisionFacts, { ...config.vision });
  assertFacts(bigVision, "the text tower", bigVisionFacts, { ...config.text });
}

/**
 * The `config.json` of a RoBERTa by itself, which `RobertaModel` loads.
 * @throws ClipError "unsupported" if the text tower is another.
 */
export function formatRobertaConfig({ text }: Pick<ClipConfig, "text">): Json {
  if (text.kind === "roberta") return withFractions({ architectures: ["RobertaModel"], ...formatRoberta(text) });
  throw cannotCompute("RobertaModel", `its text tower is of kind "${text.kind ?? "clip"}"`);
}
