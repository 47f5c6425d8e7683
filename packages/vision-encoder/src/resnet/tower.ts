import type { ResNetConfig } from "../config.ts";
import type { BuiltInVisionTower } from "../vision-tower.ts";
import { encodeResNet } from "./encode.ts";
import { featureMapSide, resNetSpec, type ResNetParams } from "./spec.ts";

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
