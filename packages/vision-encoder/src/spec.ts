import type { ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { isResNet, type VisionConfig } from "./config.ts";
import { resNetSpec, type ResNetParams } from "./resnet/spec.ts";
import { vitSpec, type VitParams } from "./vit/spec.ts";

/** Either tower under its published names: Hugging Face's for transformers, open_clip's for ResNets. */
export type VisionParams<Leaf = Tensor> = VitParams<Leaf> | ResNetParams<Leaf>;

/** Shapes and starting values of the tower; takes no memory. */
export function visionSpec(config: VisionConfig): VisionParams<ParamSpec> {
  return isResNet(config) ? resNetSpec(config) : vitSpec(config);
}
