// @ts-check
// What every side of a comparison trains by.

/** AdamW as open_clip is trained; the small rate keeps all sides at the same place for many steps. */
export const rule = {
  learningRate: 1e-5,
  beta1: 0.9,
  beta2: 0.98,
  eps: 1e-6,
  weightDecay: 0.2,
  maxNorm: 1,
};

/**
 * A run of `clip-ts train` with that rule.
 * @param {string} model
 * @param {string} path
 */
export function recipeFor(model, path) {
  const { learningRate, maxNorm, ...optimizer } = rule;
  return {
    run: "unused",
    model: { from: model },
    data: { train: { kind: "tensors", path } },
    steps: 1_000_000,
    optimizer: { kind: "adamw", ...optimizer },
    schedule: { kind: "constant", learningRate },
    gradClipNorm: maxNorm,
  };
}
