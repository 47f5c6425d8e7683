import { ClipError } from "@clip-ts/base";
import { isVit, type BuiltInVisionConfig } from "@clip-ts/vision-encoder";
import type { BuiltInClipConfig } from "../config.ts";
import { fillAsPublished } from "./fill-as-published.ts";
import { fillAsSaid } from "./fill-as-said.ts";
import type { InferOptions } from "./infer-options.ts";
import { publishedOfSize } from "./published-sizes.ts";
import { ShapeReader, type TensorShapes } from "./shapes.ts";
import { sketchClip } from "./sketch.ts";

/** Refuses a tower whose tensors show that it computes something that its shapes do not tell. */
export function refuseUnknownTower(vision: BuiltInVisionConfig): void {
  if (!isVit(vision) || vision.classToken === false || vision.patchBias === true) return;
  if (vision.preNorm !== false) return;
  throw new ClipError(
    "bad-weights",
    "These weights have a class token and no norm before the blocks, as CLIPA's and open_clip's " +
      '"no_ln_pre": what such a model pools, and whether it is normed before or after, only a config says. ' +
      "Give its config.",
    { data: { missing: ["pooling"] } },
  );
}

/**
 * The config of a checkpoint without one: CLIP's transformers and ResNets, SigLIP, RoBERTa as text tower.
 * Shapes tell the sizes. What they do not (heads, activations, the end of a caption, what is pooled) is
 * taken from a published model of open_clip's of just these sizes, or has to be given. Names are those of
 * clip-ts's parameter tree.
 * @throws ClipError "bad-weights" where a size cannot be told, "bad-config" with `data.missing` where
 * something has to be given.
 */
export function inferClipConfig(
  tensors: TensorShapes,
  options: InferOptions = {},
): BuiltInClipConfig {
  const sketch = sketchClip(new ShapeReader(tensors));
  refuseUnknownTower(sketch.vision);
  const published = publishedOfSize(sketch);
  return published.length > 0
    ? fillAsPublished(sketch, published, options)
    : fillAsSaid(sketch, options);
}
