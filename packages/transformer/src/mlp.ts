import {
  activate,
  linear,
  linearSpec,
  normal,
  withTraits,
  type Activation,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { TransformerConfig } from "./config.ts";

/** fc1 [hidden, dim], fc2 [dim, hidden], with bias. */
export interface MlpParams<Leaf = Tensor> {
  readonly fc1: LinearParams<Leaf>;
  readonly fc2: LinearParams<Leaf>;
}

/** Starting deviations of OpenAI's CLIP. */
export function mlpSpec(config: TransformerConfig): MlpParams<ParamSpec> {
  const { width, layers, mlpWidth } = config;
  const fc1 = linearSpec(width, mlpWidth, { weight: normal((2 * width) ** -0.5) });
  const fc2 = linearSpec(mlpWidth, width, { weight: normal((width * 2 * layers) ** -0.5) });
  return withTraits({ fc1, fc2 }, { layer: "mlp" });
}

/** Two linear layers with an activation between. x [..., dim] → same. */
export function mlp(params: MlpParams, x: Tensor, activation: Activation): Tensor {
  return linear(params.fc2, activate(activation, linear(params.fc1, x)));
}
