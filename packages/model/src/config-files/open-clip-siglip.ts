import { ClipError } from "@clip-ts/base";
import type { VitConfig } from "@clip-ts/vision-encoder";
import { refuseForOpenClip } from "./open-clip-style.ts";
import type { Json, Section } from "./section.ts";
import { timmSiglips, timmSiglipVit, type TimmSiglip } from "./timm-siglip.ts";

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

/** What GELU's forms are called where people read it. */
const forms: Readonly<Record<string, string>> = {
  gelu: "the error function (gelu)",
  gelu_pytorch_tanh: "tanh (gelu_pytorch_tanh)",
};

/** @throws ClipError "unsupported" where open_clip would compute another GELU than the model. */
function checkActivation({ activation }: VitConfig, known: TimmSiglip): void {
  if (known.activation === activation) return;
  const [theirs, ours] = [known.activation, activation].map((name) => forms[name] ?? name);
  const isGelu = activation in forms;
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
