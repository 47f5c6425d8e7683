import { ClipError } from "@clip-ts/base";
import type { ClipConfig, LossConfig } from "@clip-ts/model";
import { isVit } from "@clip-ts/vision-encoder";

/** What training asks of a model in the place of what its description says. */
export interface TrainingChanges {
  readonly loss?: LossConfig | undefined;
  /** Share of the patches that a step leaves out. */
  readonly patchDropout?: number | undefined;
  /** Share of RoBERTa's activations and attention weights that a step drops. */
  readonly textDropout?: number | undefined;
}

/** Patches are dropped in training only, so it may be asked of any model that has some. */
function withPatchDropout(base: ClipConfig, { patchDropout }: TrainingChanges): ClipConfig {
  if (patchDropout === undefined) return base;
  if (isVit(base.vision)) {
    return { ...base, vision: { ...base.vision, patchDropout } };
  }
  throw new ClipError(
    "bad-config",
    '"model.patchDropout": only a vision transformer drops patches; remove it.',
  );
}

/** The same for RoBERTa, of whose activations and attention weights equal shares are dropped. */
function withTextDropout(base: ClipConfig, { textDropout: share }: TrainingChanges): ClipConfig {
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

/**
 * A model's config with what training asks of it.
 * @throws ClipError "bad-config" for dropout in a tower that has none.
 */
export function withTraining(base: ClipConfig, changes: TrainingChanges): ClipConfig {
  const { loss } = changes;
  const asked = loss === undefined ? base : { ...base, loss };
  return withTextDropout(withPatchDropout(asked, changes), changes);
}
