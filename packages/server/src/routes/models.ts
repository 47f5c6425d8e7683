import { inputSize, isPatches } from "@clip-ts/image";
import type { Handler } from "hono";
import type { Parts } from "../parts.ts";

/** GET /v1/models */
export function modelsRoute({ name, model, created, features }: Parts): Handler {
  const { preprocess, tokenizer } = model.description;
  const one = {
    id: name,
    object: "model",
    created,
    owned_by: "clip-ts",
    dimensions: features.dim,
    image_size: inputSize(preprocess),
    ...(isPatches(preprocess) && { max_patches: preprocess.maxPatches }),
    modalities: tokenizer === undefined ? ["image"] : ["text", "image"],
    engine: model.engine.name,
  };
  return (context) => context.json({ object: "list", data: [one] });
}
