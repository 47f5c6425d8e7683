import { ClipError } from "@clip-ts/base";
import type { ClipConfig, LossConfig } from "@clip-ts/model";
import type { RunConfig } from "./schema.ts";

/** The loss that the config asks for, in place of the model's own. */
function withLoss(base: ClipConfig, { loss }: RunConfig): ClipConfig {
  if (loss === undefined) return base;
  const { chunk: _, ...asked } = loss;
  return { ...base, loss: asked as LossConfig };
}

/** Patches are dropped in training only, so it may be asked of any model that has some. */
function withPatchDropout(base: ClipConfig, { model }: RunConfig): ClipConfig {
  const { patchDropout } = model;
  if (patchDropout === undefined) return base;
  if ("patchSize" in base.vision) {
    return { ...base, vision: { ...base.vision, patchDropout } };
  }
  throw new ClipError("bad-config", '"model.patchDropout": a ResNet has no patches; remove it.');
}

/** The same for RoBERTa, of whose activations and attention weights equal shares are dropped. */
function withTextDropout(base: ClipConfig, { model }: RunConfig): ClipConfig {
  const { textDropout: share } = model;
  if (share === undefined) return base;
  if (base.text.kind === "roberta") {
    const text = { ...base.text, hiddenDropout: share, attentionDropout: share };
    return { ...base, text };
  }
  throw new ClipError(
    "bad-config",
    '"model.textDropout": only RoBERTa was trained with dropout, and this text tower is another; remove it.',
  );
}

/** What is asked of training beyond what the model says. */
export function withTraining(base: ClipConfig, config: RunConfig): ClipConfig {
  return withTextDropout(withPatchDropout(withLoss(base, config), config), config);
}
