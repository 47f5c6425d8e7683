import { elementwise, reductions } from "./lower-elementwise.ts";
import { structure } from "./lower-structure.ts";
import { windowed } from "./lower-windows.ts";
import type { Lowering, OnnxOp } from "./lowering.ts";

/** Made by fuseLayerNorms. */
const layerNorm: Lowering = (inputs, { attributes }, onnx) => {
  const epsilon = { fraction: attributes["epsilon"] as number };
  return onnx.op("LayerNormalization", inputs, { axis: -1, epsilon });
};

/** How each operation that can be traced is said in ONNX, and those that passes for ONNX make. */
export const lowerings: Readonly<Record<OnnxOp, Lowering>> = {
  ...elementwise,
  ...reductions,
  ...structure,
  ...windowed,
  LayerNorm: layerNorm,
};
