import { ClipError, shown } from "@clip-ts/base";
import type { ParamSpec } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { causalTextSpec, type CausalTextParams } from "./causal-tower.ts";
import type { TextConfig } from "./config.ts";
import { robertaTextSpec, type RobertaTextParams } from "./roberta-spec.ts";
import { siglipTextSpec, type SiglipTextParams } from "./siglip-tower.ts";

/** The parameters of one of the towers under its published names. */
export type TextParams<Leaf = Tensor> =
  | CausalTextParams<Leaf>
  | RobertaTextParams<Leaf>
  | SiglipTextParams<Leaf>;

/** Shapes and starting values of the tower that the config asks for. */
export function textSpec(config: TextConfig): TextParams<ParamSpec> {
  switch (config.kind) {
    case undefined:
    case "clip":
      return causalTextSpec(config);
    case "roberta":
      return robertaTextSpec(config);
    case "siglip":
      return siglipTextSpec(config);
    default:
      return unknownKind(config);
  }
}

/** For a config that was not checked on its way in. @throws ClipError "bad-config" always. */
export function unknownKind(config: never): never {
  const { kind } = config as { kind: unknown };
  throw new ClipError(
    "bad-config",
    `There is no text tower of kind ${shown(kind)}: use "clip", "roberta" or "siglip".`,
    { data: { kind } },
  );
}
