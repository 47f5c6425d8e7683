import { flattenTree, type ParamSpec } from "@clip-ts/core";
import { goldenJson } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { clipSpec } from "../spec.ts";
import { withFractions } from "./fractions.ts";
import { formatClipConfig, parseClipConfig } from "./hugging-face.ts";

/** What transformers 5.18's configuration classes of these types declare as `float`, of the keys that are written. */
const floats = {
  align: [
    "batch_norm_eps",
    "batch_norm_momentum",
    "depth_coefficient",
    "initializer_range",
    "layer_norm_eps",
    "squeeze_expansion_ratio",
    "temperature_init_value",
    "width_coefficient",
  ],
  dinov2: ["initializer_range", "layer_norm_eps", "layerscale_value"],
  "dinov2-registers": ["initializer_range", "layer_norm_eps", "layerscale_value"],
  deit: ["initializer_range", "layer_norm_eps"],
  swin: ["initializer_range", "layer_norm_eps"],
} as const;

type Sections = Readonly<Record<"text_config" | "vision_config", object>>;

const written = (config: object): Sections => JSON.parse(JSON.stringify(config)) as Sections;

const shapesOf = (json: unknown): object => {
  const spec = flattenTree<ParamSpec>(clipSpec(parseClipConfig(json)));
  return Object.fromEntries(Object.entries(spec).map(([name, { shape }]) => [name, shape]));
};

/** The reference config with this number under every one of its type's keys, as far as it may be. */
function filled(name: keyof typeof floats, value: number): Sections {
  const json = goldenJson(`${name}/config.json`) as Sections & Record<string, unknown>;
  const limits: Record<string, number> = {
    layer_norm_eps: 0,
    batch_norm_eps: 0,
    batch_norm_momentum: Math.min(value, 1),
  };
  const at = (section: object): object =>
    Object.fromEntries(
      Object.entries(section).map(([key, old]) => [
        key,
        floats[name].some((known) => known === key) ? (limits[key] ?? value) : old,
      ]),
    );
  const joint = name === "align" ? { projection_dim: 64 * value } : {}; // as wide as the image's feature
  const sections = { text_config: at(json.text_config), vision_config: at(json.vision_config) };
  return { ...at(json), ...joint, ...sections };
}

test.each(Object.keys(floats) as (keyof typeof floats)[])("no fraction of %s is written as a whole number", (name) => {
  for (const value of [1, 2, 3]) {
    const given = filled(name, value);
    const out = written(formatClipConfig(parseClipConfig(given)));
    for (const section of [out, out.text_config, out.vision_config]) {
      const numbers = Object.entries(section).filter(([key]) => floats[name].some((known) => known === key));
      for (const [key, found] of numbers) expect([key, Number.isInteger(found)]).toEqual([key, false]);
    }
    expect(shapesOf(out)).toEqual(shapesOf(given));
    expect(parseClipConfig(out)).toEqual(parseClipConfig(given));
  }
});

test.each(["clip", "chinese-clip", "metaclip-2", "altclip", "bert"])(
  "the logit scale of %s is a fraction",
  (family) => {
    // transformers makes a parameter of it, and PyTorch none of a whole number
    const json = goldenJson(family === "clip" ? "clip-vit/config.json" : `text-towers/${family}/config.json`) as object;
    for (const scale of [-50, 0, 1, 4, 50]) {
      const out = formatClipConfig(parseClipConfig({ ...json, logit_scale_init_value: scale }));
      const found = out["logit_scale_init_value"] as number;
      expect([Number.isInteger(found), Math.fround(found)]).toEqual([false, scale]);
      expect(parseClipConfig(out).initialLogitScale).toBe(scale); // as it was, so that a run goes on with its own config
    }
  },
);

test("sizes that Python makes of whole numbers stay, whichever way it rounds", () => {
  // int(100 * width + 4) // 8 * 8, int(32 * squeeze) and ceil(depth * 3), as transformers computes them
  const {
    width_coefficient: width,
    squeeze_expansion_ratio: squeeze,
    depth_coefficient: depth,
  } = withFractions({
    width_coefficient: 1,
    squeeze_expansion_ratio: 1,
    depth_coefficient: 2,
  }) as Record<string, number>;
  const sizes = [Math.floor((100 * width! + 4) / 8) * 8, Math.floor(32 * squeeze!), Math.ceil(depth! * 3)];
  expect(sizes).toEqual([104, 32, 6]);
});

test("defaults are left out, zero stays zero in 32 bits, everything else as it is", () => {
  expect(withFractions({ layerscale_value: 1, temperature_init_value: 1, width_coefficient: 2 })).toEqual({});
  const { layer_norm_eps: eps } = withFractions({ layer_norm_eps: 0 });
  expect([eps === 0, Math.fround(eps as number)]).toEqual([false, 0]);
  const others = { mlp_ratio: 4, layer_norm_eps: 1e-5, depths: [2, 2], vision_config: { hidden_size: 8 } };
  expect(withFractions(others)).toEqual(others);
});
