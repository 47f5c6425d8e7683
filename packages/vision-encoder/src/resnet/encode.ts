import { axisLength, checkpointed } from "@clip-ts/core";
import { reshape, transpose, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EncodedImage, ResNetConfig, VisionOptions } from "../config.ts";
import { attentionPool, bottleneck, stem, type NormMode, type StemParams } from "./blocks.ts";
import { featureMapSide, resNetSpec, type BottleneckParams, type ResNetParams } from "./spec.ts";

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
