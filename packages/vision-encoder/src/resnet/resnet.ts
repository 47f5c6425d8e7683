import { ClipError } from "@clip-ts/base";
import {
  axisLength,
  batchNormSpec,
  batchNormStatisticsSpec,
  checkpointed,
  conv2dSpec,
  uniform,
  withTraits,
  zeros,
  type BatchNormParams,
  type BatchNormStatistics,
  type Conv2dParams,
  type Initialiser,
  type ParamSpec,
} from "@clip-ts/core";
import { reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EncodedImage, ResNetConfig, VisionOptions } from "../config.ts";
import {
  attentionPool,
  attentionPoolSpec,
  bottleneck,
  stem,
  type AttentionPoolParams,
  type NormMode,
  type StemParams,
} from "./blocks.ts";

/** A batch norm and its running statistics [channels]; the statistics are no trained leaves. */
export type NormParams<Leaf = Tensor> = BatchNormParams<Leaf> & BatchNormStatistics<Leaf>;

/** One residual block: 1×1, 3×3 and 1×1 convolutions. */
export interface BottleneckParams<Leaf = Tensor> {
  readonly conv1: Conv2dParams<Leaf>;
  readonly bn1: NormParams<Leaf>;
  readonly conv2: Conv2dParams<Leaf>;
  readonly bn2: NormParams<Leaf>;
  readonly conv3: Conv2dParams<Leaf>;
  readonly bn3: NormParams<Leaf>;
  /** The shortcut's 1×1 convolution and norm, where the block changes the size. */
  readonly downsample?: { readonly "0": Conv2dParams<Leaf>; readonly "1": NormParams<Leaf> };
}

/** CLIP's modified ResNet under the names of OpenAI and open_clip (`visual.*`). */
export interface ResNetParams<Leaf = Tensor> {
  readonly conv1: Conv2dParams<Leaf>;
  readonly bn1: NormParams<Leaf>;
  readonly conv2: Conv2dParams<Leaf>;
  readonly bn2: NormParams<Leaf>;
  readonly conv3: Conv2dParams<Leaf>;
  readonly bn3: NormParams<Leaf>;
  readonly layer1: readonly BottleneckParams<Leaf>[];
  readonly layer2: readonly BottleneckParams<Leaf>[];
  readonly layer3: readonly BottleneckParams<Leaf>[];
  readonly layer4: readonly BottleneckParams<Leaf>[];
  readonly attnpool: AttentionPoolParams<Leaf>;
}

/** A bottleneck's last convolution has this many times its width. */
const expansion = 4;

/** Factor from pixels to the last feature map: the stem shrinks by 4, three stages by 2 each. */
const totalStride = 32;

/** Side of the last feature map. @throws ClipError "bad-config" if the strides do not divide the image. */
export function featureMapSide({ imageSize }: ResNetConfig): number {
  if (imageSize % totalStride === 0) return imageSize / totalStride;
  throw new ClipError(
    "bad-config",
    `A ResNet shrinks images ${totalStride} times, which ${imageSize} pixels do not allow: ` +
      `choose an image size that is a multiple of ${totalStride}.`,
    { data: { imageSize } },
  );
}

/** PyTorch's start of a convolution: uniform within the root of the reciprocal fan-in. */
function convolution(inputs: number, outputs: number, kernel: number): Conv2dParams<ParamSpec> {
  const weight = uniform((inputs * kernel * kernel) ** -0.5);
  return conv2dSpec(inputs, outputs, { kernel, weight });
}

function norm(channels: number, gain?: Initialiser): NormParams<ParamSpec> {
  return { ...batchNormSpec(channels, gain), ...batchNormStatisticsSpec(channels) };
}

/** A block starts as its shortcut: the last norm's gain is 0, as OpenAI starts it. */
function bottleneckSpec(inputs: number, width: number, isFirst: boolean): BottleneckParams<ParamSpec> {
  const outputs = width * expansion;
  return {
    conv1: convolution(inputs, width, 1),
    bn1: norm(width),
    conv2: convolution(width, width, 3),
    bn2: norm(width),
    conv3: convolution(width, outputs, 1),
    bn3: norm(outputs, zeros),
    ...(isFirst && { downsample: { "0": convolution(inputs, outputs, 1), "1": norm(outputs) } }),
  };
}

function stageSpec(inputs: number, width: number, blocks: number): BottleneckParams<ParamSpec>[] {
  return Array.from({ length: blocks }, (_, index) =>
    bottleneckSpec(index === 0 ? inputs : width * expansion, width, index === 0),
  );
}

/** What the tower is made of; a stage's number is its depth. */
export function resNetSpec(config: ResNetConfig): ResNetParams<ParamSpec> {
  const { channels, width, layers } = config;
  const half = width / 2;
  const stem = {
    conv1: convolution(channels, half, 3),
    bn1: norm(half),
    conv2: convolution(half, half, 3),
    bn2: norm(half),
    conv3: convolution(half, width, 3),
    bn3: norm(width),
  };
  const pool = attentionPoolSpec(config, featureMapSide(config) ** 2);
  return {
    ...withTraits(stem, { depth: 0 }),
    layer1: withTraits(stageSpec(width, width, layers[0]), { depth: 1 }),
    layer2: withTraits(stageSpec(width * 4, width * 2, layers[1]), { depth: 2 }),
    layer3: withTraits(stageSpec(width * 8, width * 4, layers[2]), { depth: 3 }),
    layer4: withTraits(stageSpec(width * 16, width * 8, layers[3]), { depth: 4 }),
    attnpool: withTraits(pool, { depth: 5 }),
  };
}

/** A part of the tower that can be computed again in the backward pass. */
interface Part {
  readonly params: object;
  run(params: object, x: Tensor, mode: NormMode): Tensor;
}

const partOf = <Params extends object>(
  params: Params,
  run: (params: Params, x: Tensor, mode: NormMode) => Tensor,
): Part => ({ params, run });

/** Every stage but the first halves the feature map in its first block. */
function blocksOf(name: string, blocks: readonly BottleneckParams[]): Part[] {
  return blocks.map((block, index) => {
    const path = `${name}.${index}`;
    const stride = index === 0 && name !== "layer1" ? 2 : 1;
    return partOf(block, (params, x, mode) => bottleneck(params, x, { path, stride, mode }));
  });
}

function partsOf(params: ResNetParams): Part[] {
  const { layer1, layer2, layer3, layer4, attnpool: _, ...first } = params;
  return [
    partOf<StemParams>(first, stem),
    ...blocksOf("layer1", layer1),
    ...blocksOf("layer2", layer2),
    ...blocksOf("layer3", layer3),
    ...blocksOf("layer4", layer4),
  ];
}

/** Runs a part, keeping nothing but its input for the backward pass. */
function runCheckpointed({ params, run }: Part, x: Tensor, mode: NormMode): Tensor {
  const { value, aux } = checkpointed({
    params,
    x,
    run(kept, input) {
      const statistics = {};
      return { value: run(kept, input, { ...mode, statistics }), aux: statistics };
    },
  });
  Object.assign(mode.statistics, aux);
  return value;
}

/**
 * CLIP's modified ResNet (Radford et al. 2021, arXiv:2103.00020; openai/CLIP `ModifiedResNet`).
 * pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and feature map.
 */
function encodeResNet(
  params: ResNetParams,
  pixels: Tensor,
  config: ResNetConfig,
  { training = false, checkpoint = false }: VisionOptions,
): EncodedImage {
  const mode: NormMode = { training, statistics: {} };
  const picture = transpose(pixels, [0, 2, 3, 1]); // channels last, as every engine's kernels want it
  const map = partsOf(params).reduce(
    (x, part) => (checkpoint ? runCheckpointed(part, x, mode) : part.run(part.params, x, mode)),
    picture,
  );
  const places = axisLength(map, 1) * axisLength(map, 2);
  const lastHidden = reshape(map, [axisLength(map, 0), places, axisLength(map, 3)]);
  const pooled = attentionPool(params.attnpool, lastHidden, config);
  return { pooled, lastHidden, statistics: mode.statistics };
}

/** CLIP's modified ResNets. */
export const resnet: BuiltInVisionTower<ResNetConfig, ResNetParams> = {
  title: "one of CLIP's ResNets",
  spec: resNetSpec,
  encode: encodeResNet,
  width: ({ outputDim }) => outputDim,
  endsInJointSpace: true,
  depth: ({ layers }) => layers.length,
  grid: featureMapSide,
  attentionWidth: ({ width }) => width * 32,
  activation: () => undefined,
  positions: () => ({ path: "attnpool.positional_embedding", leading: 1 }),
  describe: ({ layers, width }) => `ResNet (${layers.join(", ")}), width ${width}`,
  draws: () => ({}),
};
