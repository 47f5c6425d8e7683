import type { ResNetConfig } from "../config.ts";
import type { VisionTower } from "../vision-tower.ts";
import { encodeResNet } from "./encode.ts";
import { featureMapSide, resNetSpec, type ResNetParams } from "./spec.ts";

/** CLIP's modified ResNets. */
export const resnet: VisionTower<ResNetConfig, ResNetParams> = {
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
