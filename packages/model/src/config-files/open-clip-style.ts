import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import type { Json, Section } from "./section.ts";

/** Activation and norm constant of a tower. */
interface Style {
  readonly activation: Activation;
  readonly layerNormEps: number;
}

/** Says that open_clip's file cannot hold something. @throws ClipError "bad-config" always. */
export function refuseForOpenClip(what: string): never {
  throw new ClipError(
    "bad-config",
    `open_clip's config has no keys for ${what}: write the model in our own layout.`,
  );
}

/** Reads `act_kwargs` and `norm_kwargs` of a tower. */
export function activationOf(section: Section, quickGelu: boolean): Style {
  const details = section.section("act_kwargs", {});
  const isTanh = details.has("approximate") && details.choice("approximate", ["tanh"]) === "tanh";
  const gelu = isTanh ? "gelu_pytorch_tanh" : "gelu";
  return {
    activation: quickGelu ? "quick_gelu" : gelu,
    layerNormEps: section.section("norm_kwargs", {}).number("eps", 1e-5),
  };
}

/** Writes the same, as far as it differs from what open_clip takes anyway. */
export function formatActivation({ activation, layerNormEps }: Style, usual: Activation): Json {
  const isTanh = activation === "gelu_pytorch_tanh" && usual === "gelu";
  if (activation !== usual && !isTanh) {
    return refuseForOpenClip(`a tower with ${activation} beside one with ${usual}`);
  }
  return {
    ...(isTanh && { act_kwargs: { approximate: "tanh" } }),
    ...(layerNormEps !== 1e-5 && { norm_kwargs: { eps: layerNormEps } }),
  };
}

/** The keys that say something: neither undefined nor what open_clip takes anyway. */
export function withoutUsual(keys: Json, usual: Json): Json {
  return Object.fromEntries(
    Object.entries(keys).filter(([key, value]) => value !== undefined && value !== usual[key]),
  );
}
