import {
  activate,
  axisLength,
  batchNorm,
  batchNormTraining,
  checkpointed,
  conv2d,
  depthwiseConv2d,
  linear,
  type BatchNormOptions,
} from "@clip-ts/core";
import { add, mean, mul, pad, reshape, sigmoid, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EfficientNetConfig, EncodedImage, VisionOptions } from "../config.ts";
import type { NormMode } from "../resnet/blocks.ts";
import type { NormParams } from "../resnet/resnet.ts";
import {
  blocksOf,
  efficientNetSpec,
  lastWidth,
  type Block,
  type EfficientNetBlockParams,
  type EfficientNetParams,
  type PointParams,
} from "./spec.ts";

/** A batch norm in its place. */
interface Place {
  readonly norm: NormParams;
  /** Path of the norm in the tower. */
  readonly path: string;
  readonly options: BatchNormOptions;
}

/** Batch norm by the batch's own statistics in training, which it notes, else by the running ones. */
function normed(x: Tensor, { norm, path, options }: Place, mode: NormMode): Tensor {
  if (!mode.training) return batchNorm(norm, norm, x, options);
  const { y, statistics } = batchNormTraining(norm, norm, x, options);
  mode.statistics[`${path}.running_mean`] = statistics.running_mean;
  mode.statistics[`${path}.running_var`] = statistics.running_var;
  return y;
}

/** A linear layer on vectors, from a convolution's weight. x [batch, in] → [batch, out]. */
function point({ weight, bias }: PointParams, x: Tensor): Tensor {
  return linear({ weight: reshape(weight, [axisLength(weight, 0), axisLength(weight, 1)]), bias }, x);
}

/** Every channel multiplied by what the means of all say of it (Hu et al. 2018, arXiv:1709.01507). */
function squeezeExcite(
  { reduce, expand }: EfficientNetBlockParams["squeeze_excite"],
  x: Tensor,
  { activation }: EfficientNetConfig,
): Tensor {
  const [, height = 0, width = 0, channels = 0] = x.shape;
  const rows = reshape(x, [-1, height * width, channels]); // sums go in one order whatever layout a runtime gives x
  const gate = sigmoid(point(expand, activate(activation, point(reduce, mean(rows, 1)))));
  return reshape(mul(rows, reshape(gate, [-1, 1, channels])), [-1, height, width, channels]);
}

/** A block where it stands. */
interface BlockPlace {
  readonly block: Block;
  /** Path in the tower. */
  readonly path: string;
  readonly config: EfficientNetConfig;
}

/** Widens, looks around in every channel, weighs the channels, narrows. x [batch, height, width, in] → [..., out]. */
function invertedBottleneck(
  params: EfficientNetBlockParams,
  x: Tensor,
  { block, path, config }: BlockPlace,
  mode: NormMode,
): Tensor {
  const { expansion, depthwise_conv: looking, squeeze_excite, projection } = params;
  const options = { eps: config.normEps, momentum: config.normMomentum };
  const at = (norm: NormParams, name: string): Place => ({ norm, path: `${path}.${name}`, options });
  const widened = (): Tensor => {
    if (expansion === undefined) return x;
    // The original gives this norm no momentum: it has PyTorch's own.
    const place = { ...at(expansion.expand_bn, "expansion.expand_bn"), options: { eps: config.normEps } };
    return activate(config.activation, normed(conv2d(expansion.expand_conv, x), place, mode));
  };
  const seen = depthwiseConv2d(looking.depthwise_conv, widened(), block);
  const place = at(looking.depthwise_norm, "depthwise_conv.depthwise_norm");
  const weighed = squeezeExcite(squeeze_excite, activate(config.activation, normed(seen, place, mode)), config);
  const narrowed = conv2d(projection.project_conv, weighed);
  const y = normed(narrowed, at(projection.project_bn, "projection.project_bn"), mode);
  return block.isResidual ? add(y, x) : y;
}

/** Runs a block, keeping nothing but its input for the backward pass. */
function runCheckpointed(params: EfficientNetBlockParams, x: Tensor, place: BlockPlace, mode: NormMode): Tensor {
  const { value, aux } = checkpointed({
    params,
    x,
    run(kept, input) {
      const statistics = {};
      return { value: invertedBottleneck(kept, input, place, { ...mode, statistics }), aux: statistics };
    },
  });
  Object.assign(mode.statistics, aux);
  return value;
}

/** The first convolution, of stride 2. pixels [batch, channels, size, size] → [batch, size / 2, size / 2, width]. */
function stem({ embeddings }: EfficientNetParams, pixels: Tensor, config: EfficientNetConfig, mode: NormMode): Tensor {
  const none: [number, number] = [0, 0];
  const picture = pad(transpose(pixels, [0, 2, 3, 1]), [none, [0, 1], [0, 1], none]);
  const options = { eps: config.normEps, momentum: config.normMomentum };
  const place: Place = { norm: embeddings.batchnorm, path: "embeddings.batchnorm", options };
  return activate(config.activation, normed(conv2d(embeddings.convolution, picture, { stride: 2 }), place, mode));
}

/**
 * EfficientNet (Tan & Le 2019, arXiv:1905.11946) as ALIGN's image tower in transformers: the mean of the last map.
 * What the original drops of its blocks in training is kept here.
 * pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and last map.
 */
function encodeEfficientNet(
  params: EfficientNetParams,
  pixels: Tensor,
  config: EfficientNetConfig,
  { training = false, checkpoint = false }: VisionOptions,
): EncodedImage {
  const mode: NormMode = { training, statistics: {} };
  const run = checkpoint ? runCheckpointed : invertedBottleneck;
  const map = blocksOf(config).reduce(
    (x, block, index) =>
      run(
        params.encoder.blocks[index] as EfficientNetBlockParams,
        x,
        { block, path: `encoder.blocks.${index}`, config },
        mode,
      ),
    stem(params, pixels, config, mode),
  );
  const lastHidden = reshape(map, [-1, axisLength(map, 1) * axisLength(map, 2), axisLength(map, 3)]);
  return { pooled: mean(lastHidden, 1), lastHidden, statistics: mode.statistics };
}

/** ALIGN's EfficientNets. */
export const efficientnet: BuiltInVisionTower<EfficientNetConfig, EfficientNetParams> = {
  title: "an EfficientNet",
  spec: efficientNetSpec,
  encode: encodeEfficientNet,
  width: lastWidth,
  endsInJointSpace: true,
  depth: (config) => blocksOf(config).length,
  grid(config) {
    efficientNetSpec(config);
    return 0;
  },
  attentionWidth: lastWidth,
  activation: ({ activation }) => activation,
  positions: () => undefined,
  describe: (config) => `EfficientNet, ${blocksOf(config).length} blocks, ${lastWidth(config)} channels at the end`,
  draws: () => ({}),
};
