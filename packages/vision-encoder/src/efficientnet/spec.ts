import { ClipError } from "@clip-ts/base";
import {
  batchNormSpec,
  batchNormStatisticsSpec,
  conv2dSpec,
  depthwiseConv2dSpec,
  normal,
  param,
  withTraits,
  zeros,
  type Conv2dParams,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { EfficientNetConfig } from "../config.ts";
import type { NormParams } from "../resnet/resnet.ts";

/** A convolution that looks at one place at a time: weight [out, in, 1, 1], bias [out]. */
export interface PointParams<Leaf = Tensor> {
  readonly weight: Leaf;
  readonly bias: Leaf;
}

/** An inverted bottleneck (Sandler et al. 2018, arXiv:1801.04381) under transformers' names. */
export interface EfficientNetBlockParams<Leaf = Tensor> {
  /** Absent where the block does not widen. */
  readonly expansion?: { readonly expand_conv: Conv2dParams<Leaf>; readonly expand_bn: NormParams<Leaf> };
  readonly depthwise_conv: { readonly depthwise_conv: Conv2dParams<Leaf>; readonly depthwise_norm: NormParams<Leaf> };
  readonly squeeze_excite: { readonly reduce: PointParams<Leaf>; readonly expand: PointParams<Leaf> };
  readonly projection: { readonly project_conv: Conv2dParams<Leaf>; readonly project_bn: NormParams<Leaf> };
}

/** An EfficientNet without its last convolution, as ALIGN has it. */
export interface EfficientNetParams<Leaf = Tensor> {
  readonly embeddings: { readonly convolution: Conv2dParams<Leaf>; readonly batchnorm: NormParams<Leaf> };
  readonly encoder: { readonly blocks: readonly EfficientNetBlockParams<Leaf>[] };
}

/** One block: its channels and how its filter moves. */
export interface Block {
  readonly inputs: number;
  readonly outputs: number;
  readonly expand: number;
  readonly kernel: number;
  readonly stride: number;
  /** Whether what comes in is added to what goes out. */
  readonly isResidual: boolean;
  /** Zeros at the top and left, and at the bottom and right. */
  readonly padding: readonly [number, number];
}

/** Channels at the config's width: a multiple of its divisor, not a tenth less than the exact number. */
function channelsOf({ widthCoefficient, divisor }: EfficientNetConfig, base: number): number {
  const exact = base * widthCoefficient;
  const rounded = Math.max(divisor, Math.floor(Math.floor(exact + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * exact ? rounded + divisor : rounded;
}

/** Channels of the first convolution before they are scaled. */
const stemChannels = 32;

/** Channels behind the first convolution. */
const stemWidth = (config: EfficientNetConfig): number => channelsOf(config, stemChannels);

/** Zeros around a picture: even, or where a stride of 2 meets an even side, one more at the end. */
function paddingOf(kernel: number, stride: number, isSquare: boolean): readonly [number, number] {
  const half = Math.floor(kernel / 2);
  if (stride === 1) return [half, kernel - 1 - half];
  return isSquare ? [half, half] : [half - 1, half];
}

/**
 * All blocks in order.
 * @throws ClipError "bad-config" for stages that do not follow on each other.
 */
export function blocksOf(config: EfficientNetConfig): Block[] {
  const blocks: Block[] = [];
  let inputs = stemWidth(config);
  for (const [index, stage] of config.stages.entries()) {
    const expected = channelsOf(config, stage.inputs);
    if (expected !== inputs) {
      throw new ClipError(
        "bad-config",
        `Stage ${index + 1} should take the ${inputs} channels that come to it, and takes ${expected}: correct its inputs.`,
        { data: { stage: index, inputs, expected } },
      );
    }
    const outputs = channelsOf(config, stage.outputs);
    const repeats = Math.ceil(config.depthCoefficient * stage.repeats);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const { kernel, expand } = stage;
      const stride = repeat === 0 ? stage.stride : 1;
      const isSquare = config.squarePadding.includes(blocks.length);
      // A residual is added behind each stage's first block, which has a stride of 1 then.
      blocks.push({
        inputs: repeat === 0 ? inputs : outputs,
        outputs,
        expand,
        kernel,
        stride,
        isResidual: repeat > 0,
        padding: paddingOf(kernel, stride, isSquare),
      });
    }
    inputs = outputs;
  }
  return blocks;
}

/** Channels of the last map. */
export function lastWidth(config: EfficientNetConfig): number {
  return blocksOf(config).at(-1)?.outputs ?? stemWidth(config);
}

/** Side of the last map. */
export function lastMapSide(config: EfficientNetConfig): number {
  const moved = (side: number, kernel: number, stride: number): number => Math.floor((side - kernel) / stride) + 1;
  const stem = moved(config.imageSize + 1, 3, 2);
  return blocksOf(config).reduce(
    (side, { kernel, stride, padding: [before, after] }) => moved(side + before + after, kernel, stride),
    stem,
  );
}

const norm = (channels: number): NormParams<ParamSpec> => ({
  ...batchNormSpec(channels),
  ...batchNormStatisticsSpec(channels),
});

function blockSpec(config: EfficientNetConfig, block: Block): EfficientNetBlockParams<ParamSpec> {
  const weight = normal(config.initialDeviation ?? 0.02);
  const { inputs, outputs, expand, kernel } = block;
  const wide = inputs * expand;
  const squeezed = Math.max(1, Math.floor(inputs * config.squeezeRatio));
  const point = (from: number, to: number): PointParams<ParamSpec> => ({
    weight: param([to, from, 1, 1], weight, "matrix"),
    bias: param([to], zeros, "bias"),
  });
  return {
    ...(expand !== 1 && {
      expansion: { expand_conv: conv2dSpec(inputs, wide, { kernel: 1, weight }), expand_bn: norm(wide) },
    }),
    depthwise_conv: { depthwise_conv: depthwiseConv2dSpec(wide, { kernel, weight }), depthwise_norm: norm(wide) },
    squeeze_excite: { reduce: point(wide, squeezed), expand: point(squeezed, wide) },
    projection: { project_conv: conv2dSpec(wide, outputs, { kernel: 1, weight }), project_bn: norm(outputs) },
  };
}

/**
 * Spec of the tower, started as transformers starts it; a block's depth is its number.
 * @throws ClipError "bad-config" for stages that do not fit, or an image that they leave nothing of.
 */
export function efficientNetSpec(config: EfficientNetConfig): EfficientNetParams<ParamSpec> {
  const weight = normal(config.initialDeviation ?? 0.02);
  const width = stemWidth(config);
  const side = lastMapSide(config);
  if (!(side >= 1)) {
    throw new ClipError("bad-config", `Images of ${config.imageSize} pixels leave no last map: choose larger ones.`, {
      data: { imageSize: config.imageSize },
    });
  }
  const stem = { convolution: conv2dSpec(config.channels, width, { kernel: 3, weight }), batchnorm: norm(width) };
  const blocks = blocksOf(config).map((block, index) => withTraits(blockSpec(config, block), { depth: index + 1 }));
  return { embeddings: withTraits(stem, { depth: 0 }), encoder: { blocks } };
}
