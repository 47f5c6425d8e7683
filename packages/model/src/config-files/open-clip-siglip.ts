import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { siglipVisionStyle } from "./hugging-face-siglip.ts";
import { refuseForOpenClip } from "./open-clip-style.ts";
import type { Json, Section } from "./section.ts";

/** SigLIP's vision transformers in timm: width, layers, heads, length of the hidden layer. */
const sizes: Readonly<Record<string, readonly [number, number, number, number]>> = {
  base: [768, 12, 12, 3072],
  large: [1024, 24, 16, 4096],
  so400m: [1152, 27, 16, 4304],
  giantopt: [1536, 40, 16, 6144],
};

/**
 * Image sizes of each transformer, by the variant of GELU with which timm computes it: the `act_layer` of the
 * name's own function in timm 1.0's `models/vision_transformer.py`. `tools/peers/fixtures/list_timm_siglip.py`
 * writes the table that the test holds this one against. Names with `_gap_` have no attention pool of their
 * own, and open_clip's `timm_pool: "map"` gives them one.
 */
const images: Readonly<
  Record<string, { readonly erf?: readonly number[]; readonly tanh?: readonly number[] }>
> = {
  base_patch32_siglip: { tanh: [256] },
  base_patch16_siglip: { erf: [224, 256, 384, 512] },
  large_patch16_siglip: { erf: [256, 384], tanh: [512] },
  so400m_patch14_siglip: { erf: [224, 378, 384] },
  so400m_patch16_siglip: { tanh: [256, 384, 512] },
  giantopt_patch16_siglip: { tanh: [256, 384] },
  base_patch32_siglip_gap: { tanh: [256] },
  base_patch16_siglip_gap: { erf: [224, 256, 384, 512] },
  large_patch16_siglip_gap: { erf: [256, 384], tanh: [512] },
  so400m_patch14_siglip_gap: { erf: [224, 378, 384, 448, 896] },
  so400m_patch16_siglip_gap: { tanh: [256, 384, 512] },
  giantopt_patch16_siglip_gap: { tanh: [256, 384] },
};

/** What one of timm's names stands for. */
export interface TimmSiglip {
  readonly name: string;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly patchSize: number;
  readonly imageSize: number;
  readonly activation: Activation;
}

function describe(kind: string, imageSize: number, activation: Activation): TimmSiglip {
  const [, size = "", patch] = /^([a-z0-9]+)_patch(\d+)/u.exec(kind) ?? [];
  const [width = 0, layers = 0, heads = 0, mlpWidth = 0] = sizes[size] ?? [];
  const name = `vit_${kind}_${imageSize}`;
  return { name, width, layers, heads, mlpWidth, patchSize: Number(patch), imageSize, activation };
}

/** Every vision transformer of SigLIP's that timm has. */
export const timmSiglips: readonly TimmSiglip[] = Object.entries(images).flatMap(
  ([kind, { erf = [], tanh = [] }]) => [
    ...erf.map((image) => describe(kind, image, "gelu")),
    ...tanh.map((image) => describe(kind, image, "gelu_pytorch_tanh")),
  ],
);

/** One of them as timm builds it, at the image size of its name; undefined for a name that is none of them. */
export function timmSiglipVit(name: string): VitConfig | undefined {
  const found = timmSiglips.find((known) => known.name === name);
  if (found === undefined) return undefined;
  const { name: _name, ...sizes } = found;
  return { ...sizes, layerNormEps: 1e-6, channels: 3, ...siglipVisionStyle };
}

/** Reads SigLIP's vision transformer, which open_clip takes from timm by name. */
export function parseTimmSiglip(section: Section): VitConfig {
  const name = section.text("timm_model_name").replace(/\..*$/u, ""); // without the weights' tag
  const vision = timmSiglipVit(name);
  if (vision === undefined) section.refuse("timm_model_name", "one of timm's SigLIP transformers");
  section.choice("timm_pool", ["map"]);
  section.choice("timm_proj", ["none"]);
  return { ...vision, imageSize: section.side("image_size", vision.imageSize) };
}

function isSize(vision: VitConfig, known: TimmSiglip): boolean {
  const keys = ["width", "layers", "heads", "mlpWidth", "patchSize"] as const;
  return keys.every((key) => known[key] === vision[key]);
}

/** What GELU's variants are called where people read it. */
const geluNames: Readonly<Record<string, string>> = {
  gelu: "the error function (gelu)",
  gelu_pytorch_tanh: "tanh (gelu_pytorch_tanh)",
};

/** @throws ClipError "unsupported" where open_clip would compute another GELU than the model. */
function checkActivation({ activation }: VitConfig, known: TimmSiglip): void {
  if (known.activation === activation) return;
  const [theirs, ours] = [known.activation, activation].map((name) => geluNames[name] ?? name);
  const isGelu = activation in geluNames;
  const way = isGelu
    ? `Say --activation ${known.activation} to have it so all the same (features move by about 2e-4), as ` +
      "open_clip's own files of these weights do."
    : "Write the model in another layout.";
  throw new ClipError(
    "unsupported",
    `open_clip builds this vision tower as timm's ${known.name}, whose GELU is computed by ${theirs}; this ` +
      `model's activation is ${ours}. ${way}`,
    { data: { timm: known.name, theirs: known.activation, ours: activation } },
  );
}

/** Writes SigLIP's vision transformer by its name in timm. @throws ClipError if timm has none that computes it. */
export function formatTimmSiglip(vision: VitConfig): Json {
  const ofSize = timmSiglips.filter((known) => isSize(vision, known));
  if (ofSize.length === 0) return refuseForOpenClip("a SigLIP transformer of this size");
  const found = ofSize.find(({ imageSize }) => imageSize === vision.imageSize);
  if (found === undefined) {
    const known = [...new Set(ofSize.map(({ imageSize }) => imageSize))].join(", ");
    return refuseForOpenClip(
      `this SigLIP transformer at ${vision.imageSize} pixels (timm has it at ${known})`,
    );
  }
  if (vision.layerNormEps !== 1e-6) return refuseForOpenClip("another norm constant than timm's");
  checkActivation(vision, found);
  return {
    image_size: vision.imageSize,
    timm_model_name: found.name,
    timm_model_pretrained: false,
    timm_pool: "map",
    timm_proj: "none",
  };
}
