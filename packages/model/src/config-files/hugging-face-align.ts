import type { BertTextConfig } from "@clip-ts/text-encoder";
import { lastMapSide, type EfficientNetConfig } from "@clip-ts/vision-encoder";
import { headsOf, lossOf, type BuiltInClipConfig, type ClipConfig, type LossConfig } from "../config.ts";
import { formatBertFamily, parseBert } from "./hugging-face-bert.ts";
import { formatTraining, parseTraining } from "./hugging-face-clip.ts";
import type { Json, Section } from "./section.ts";

/** The loss of transformers' `AlignModel`. */
const alignLoss = { kind: "contrastive", labelSmoothing: 0.1 } as const satisfies LossConfig;

/** EfficientNet-B7's stages, where a file does not say otherwise. */
const defaults = {
  kernel_sizes: [3, 3, 5, 3, 5, 5, 3],
  in_channels: [32, 16, 24, 40, 80, 112, 192],
  out_channels: [16, 24, 40, 80, 112, 192, 320],
  strides: [1, 2, 2, 2, 1, 2, 1],
  num_block_repeats: [1, 2, 2, 3, 3, 4, 1],
  expand_ratios: [1, 6, 6, 6, 6, 6, 6],
} as const;

/** Lists of as many numbers as there are stages. */
function parseStages(section: Section): EfficientNetConfig["stages"] {
  const kernels = section.sizes("kernel_sizes", defaults.kernel_sizes);
  const column = (key: keyof typeof defaults): readonly number[] => {
    const sizes = section.sizes(key, defaults[key]);
    return sizes.length === kernels.length ? sizes : section.refuse(key, `${kernels.length} numbers as kernel_sizes`);
  };
  const [inputs, outputs, strides] = [column("in_channels"), column("out_channels"), column("strides")];
  const [repeats, expands] = [column("num_block_repeats"), column("expand_ratios")];
  const at = (sizes: readonly number[], stage: number): number => sizes[stage] ?? 1;
  return kernels.map((kernel, stage) => ({
    kernel,
    inputs: at(inputs, stage),
    outputs: at(outputs, stage),
    stride: at(strides, stage),
    repeats: at(repeats, stage),
    expand: at(expands, stage),
  }));
}

function parseVision(section: Section): EfficientNetConfig {
  section.only("pooling_type", "mean");
  const vision: EfficientNetConfig = {
    kind: "efficientnet",
    imageSize: section.side("image_size", 600),
    channels: section.positive("num_channels", 3),
    stages: parseStages(section),
    widthCoefficient: section.number("width_coefficient", 2),
    depthCoefficient: section.number("depth_coefficient", 3.1),
    divisor: section.positive("depth_divisor", 8),
    squeezeRatio: section.number("squeeze_expansion_ratio", 0.25),
    squarePadding: section.numbers("depthwise_padding", []),
    activation: (section.json["hidden_act"] ?? "swish") === "swish" ? "silu" : section.activation("hidden_act"),
    normEps: section.epsilon("batch_norm_eps", 1e-3),
    normMomentum: section.share("batch_norm_momentum", 0.99),
    initialDeviation: section.number("initializer_range", 0.02),
  };
  const side = lastMapSide(vision);
  // The pool's windows are this large, so that one of them is to take the whole map.
  if (section.positive("hidden_dim", 2560) < side)
    section.refuse("hidden_dim", `at least the last map's side, ${side}`);
  return vision;
}

/**
 * Reads model type "align" (Jia et al. 2021, arXiv:2102.05918): an EfficientNet, whose mean is the image's feature, and
 * BERT with a projection. Its temperature divides cosines; here it is the logarithm of the factor, -log(temperature).
 */
export function parseAlign(root: Section): BuiltInClipConfig {
  const temperature = root.number("temperature_init_value", 1, { least: 1e-6, most: 1e6 });
  return {
    projectionDim: root.positive("projection_dim", 640),
    initialLogitScale: 0 - Math.log(temperature),
    loss: alignLoss,
    vision: parseVision(root.section("vision_config", {})),
    text: parseBert(root.section("text_config", {}), "first"),
    textHead: "affine",
    ...parseTraining(root),
  };
}

/** The towers of `AlignModel`. */
export interface AlignTowers {
  readonly vision: EfficientNetConfig;
  readonly text: BertTextConfig;
}

/** The towers, if transformers' `AlignModel` computes the same with the same parameters. */
export function towersOfAlign(config: ClipConfig): AlignTowers | undefined {
  const { vision, text } = config;
  const heads = headsOf(config);
  if (heads.image !== "none" || heads.text !== "affine" || lossOf(config).kind !== "contrastive") return undefined;
  if (vision.kind !== "efficientnet" || text.kind !== "bert" || text.pooling !== "first") return undefined;
  return { vision, text };
}

function formatVision(vision: EfficientNetConfig): Json {
  const { stages } = vision;
  return {
    model_type: "align_vision_model",
    image_size: vision.imageSize,
    num_channels: vision.channels,
    width_coefficient: vision.widthCoefficient,
    depth_coefficient: vision.depthCoefficient,
    depth_divisor: vision.divisor,
    kernel_sizes: stages.map(({ kernel }) => kernel),
    in_channels: stages.map(({ inputs }) => inputs),
    out_channels: stages.map(({ outputs }) => outputs),
    strides: stages.map(({ stride }) => stride),
    num_block_repeats: stages.map(({ repeats }) => repeats),
    expand_ratios: stages.map(({ expand }) => expand),
    depthwise_padding: vision.squarePadding,
    squeeze_expansion_ratio: vision.squeezeRatio,
    hidden_act: vision.activation === "silu" ? "swish" : vision.activation,
    hidden_dim: Math.max(2560, lastMapSide(vision)),
    pooling_type: "mean",
    batch_norm_eps: vision.normEps,
    batch_norm_momentum: vision.normMomentum,
    drop_connect_rate: 0,
    initializer_range: vision.initialDeviation ?? 0.02,
  };
}

/** Whether a loss goes without saying there. */
const isAlignLoss = (loss: LossConfig): boolean => JSON.stringify(loss) === JSON.stringify(alignLoss);

/** Writes model type "align". */
export function formatAlign(config: ClipConfig, { vision, text }: AlignTowers): Json {
  const loss = lossOf(config);
  const { loss: _loss, ...training } = config;
  return {
    architectures: ["AlignModel"],
    model_type: "align",
    projection_dim: config.projectionDim,
    temperature_init_value: Math.exp(-config.initialLogitScale),
    text_config: {
      model_type: "align_text_model",
      ...formatBertFamily(text),
      max_position_embeddings: text.contextLength,
    },
    vision_config: formatVision(vision),
    ...formatTraining(isAlignLoss(loss) ? training : { ...config, loss }),
  };
}
