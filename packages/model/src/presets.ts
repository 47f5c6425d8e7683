import { ClipError } from "@clip-ts/base";
import { initialLogitScale, initialSigmoidLogitScale } from "@clip-ts/projection";
import type { BuiltInClipConfig } from "./config.ts";
import { openClipModels } from "./presets/open-clip-models.ts";
import { causalText, naflexVit, resNet, towerPreset, vit, type NaflexTowerName } from "./presets/towers.ts";

/** torchvision's ViT-B/32 and RoBERTa-base, joined by two linear heads. */
function vitRoberta(): BuiltInClipConfig {
  const [vision, text] = [towerPreset("vit_b_32"), towerPreset("roberta-base")];
  return { projectionDim: 512, initialLogitScale, vision, text };
}

/** Sizes of a small model of our own. */
interface Sizes {
  readonly joint: number;
  readonly vision: Parameters<typeof vit>[0];
  readonly text: Parameters<typeof causalText>[0];
}

const ownSizes: Readonly<Record<string, Sizes>> = {
  /** For laptops: learns small pictures and short captions in minutes. */
  small: {
    joint: 128,
    vision: { image: 48, patch: 12, width: 128, layers: 3, heads: 4 },
    text: { vocab: 8192, context: 32, width: 128, layers: 2, heads: 4 },
  },
  /** For demonstrations: learns toy pictures in seconds. */
  tiny: {
    joint: 64,
    vision: { image: 32, patch: 8, width: 64, layers: 2, heads: 2 },
    text: { vocab: 2048, context: 24, width: 64, layers: 2, heads: 2 },
  },
  /** For tests. */
  nano: {
    joint: 8,
    vision: { image: 8, patch: 4, width: 16, layers: 1, heads: 2 },
    text: { vocab: 600, context: 12, width: 12, layers: 1, heads: 2 },
  },
};

function ownModel({ joint, vision, text }: Sizes): BuiltInClipConfig {
  return {
    projectionDim: joint,
    initialLogitScale,
    vision: vit(vision, "quick_gelu"),
    text: causalText(text, "quick_gelu"),
  };
}

/**
 * `small` with a ResNet for small pictures in place of the transformer, and one layer of text: of the
 * same few minutes on a laptop it makes far more, since it need not learn that neighbouring pixels
 * belong together.
 */
function smallResNet(): BuiltInClipConfig {
  const { text, ...sizes } = ownSizes["small"]!;
  const base = ownModel({ ...sizes, text: { ...text, layers: 1 } });
  const vision = resNet({ image: 32, width: 16, layers: [1, 1, 1, 1], joint: base.projectionDim });
  return { ...base, vision };
}

/** `small` with SigLIP 2's transformer of pictures that keep their shape, and its loss. */
function smallNaflex(): BuiltInClipConfig {
  const { joint, text } = ownSizes["small"]!;
  return {
    projectionDim: joint,
    initialLogitScale: initialSigmoidLogitScale,
    vision: naflexVit({ grid: 4, patch: 12, width: 128, layers: 3, heads: 4, mlpWidth: 512 }),
    text: causalText(text, "gelu_pytorch_tanh"),
    loss: { kind: "sigmoid" },
  };
}

/** A SigLIP 2 of the hub whose pictures keep their shape, beside the text tower of its sibling of squares. */
function siglip2Naflex(tower: NaflexTowerName, sibling: string): BuiltInClipConfig {
  const { text, ...model } = openClipModels.get(sibling)!();
  return { ...model, vision: towerPreset(tower), text: { ...text, padTokenId: 0 } };
}

/** OpenAI's names of its vision transformers, all with QuickGELU. */
const openaiNames: Readonly<Record<string, string>> = {
  "ViT-B/32": "ViT-B-32",
  "ViT-B/16": "ViT-B-16",
  "ViT-L/14": "ViT-L-14",
  "ViT-L/14-336": "ViT-L-14-336",
};

function entriesOf<Value>(
  table: Readonly<Record<string, Value>>,
  build: (value: Value) => BuiltInClipConfig,
): [string, () => BuiltInClipConfig][] {
  return Object.entries(table).map(([name, value]) => [name, () => build(value)]);
}

const builders: ReadonlyMap<string, () => BuiltInClipConfig> = new Map([
  ...openClipModels,
  ...entriesOf(openaiNames, (name) => openClipModels.get(`${name}-quickgelu`)!()),
  ["ViT-B-32-roberta", vitRoberta],
  ...entriesOf(ownSizes, ownModel),
  ["small-resnet", smallResNet],
  ["small-naflex", smallNaflex],
  ["siglip2-base-patch16-naflex", () => siglip2Naflex("siglip2-base-patch16-naflex", "ViT-B-16-SigLIP2-256")],
  ["siglip2-so400m-patch16-naflex", () => siglip2Naflex("siglip2-so400m-patch16-naflex", "ViT-SO400M-16-SigLIP2-256")],
]);

/**
 * Names of the built-in models: open_clip's, where "-quickgelu" is the activation of OpenAI's weights;
 * OpenAI's; the hub's SigLIP 2 NaFlex; and sizes of our own for small machines.
 */
export const presetNames: readonly string[] = [...builders.keys()];

/** The config of a built-in model. @throws ClipError "bad-config" for an unknown name. */
export function preset(name: string): BuiltInClipConfig {
  const build = builders.get(name);
  if (build !== undefined) return build();
  throw new ClipError("bad-config", `There is no model preset "${name}". Presets: ${presetNames.join(", ")}.`, {
    data: { name },
  });
}
