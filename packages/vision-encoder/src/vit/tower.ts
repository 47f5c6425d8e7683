import type { VitConfig } from "../config.ts";
import type { BuiltInVisionTower } from "../vision-tower.ts";
import { encodeVit } from "./encode.ts";
import { drawKeptPatches, keptPatchCount } from "./patch-dropout.ts";
import { sincosValues } from "./sincos-positions.ts";
import { patchGrid, vitSpec, type VitParams } from "./spec.ts";

/** The sines and cosines that a config asks for, a row of zeros for the class token before them. */
function computedPositions(config: VitConfig): {
  values: Float32Array;
  shape: [number, number];
} {
  const { width, classToken = true } = config;
  const [side, leading] = [patchGrid(config), classToken ? width : 0];
  const values = new Float32Array(leading + side * side * width);
  values.set(sincosValues(side, width), leading);
  return { values, shape: [values.length / width, width] };
}

/** Vision transformers. */
export const vit: BuiltInVisionTower<VitConfig, VitParams> = {
  title: "a vision transformer",
  spec: vitSpec,
  encode: encodeVit,
  width: ({ width }) => width,
  endsInJointSpace: false,
  depth: ({ layers }) => layers,
  grid: patchGrid,
  attentionWidth: ({ width }) => width,
  activation: ({ activation }) => activation,
  positions: (config) => ({
    path: "embeddings.position_embedding.weight",
    leading: config.classToken === false ? 0 : 1,
    ...(config.positions === "sincos" && { computed: () => computedPositions(config) }),
  }),
  describe: ({ layers, width, heads, patchSize }) =>
    `ViT, ${layers} layers, width ${width}, ${heads} heads, patches of ${patchSize}`,
  draws(config, batch, random) {
    if (!config.patchDropout) return {};
    const data = drawKeptPatches(config, batch, random);
    return { keptPatches: { data, shape: [batch, keptPatchCount(config)] } };
  },
};
