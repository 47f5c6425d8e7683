/** Configs of the reference towers that stand alone: `torchvision-vit` and `roberta`. */
export const goldenTowers = {
  /** torchvision's `VisionTransformer`. */
  torchvision: {
    layers: 2,
    activation: "gelu",
    width: 64,
    heads: 4,
    mlpWidth: 128,
    layerNormEps: 1e-6,
    imageSize: 32,
    patchSize: 8,
    channels: 3,
    preNorm: false,
    patchBias: true,
  },
  /** transformers' `RobertaModel`, its first token pooled. */
  roberta: {
    kind: "roberta",
    layers: 2,
    activation: "gelu",
    width: 48,
    heads: 3,
    mlpWidth: 144,
    layerNormEps: 1e-12,
    vocabSize: 200,
    contextLength: 16,
    startTokenId: 0,
    endTokenId: 2,
    padTokenId: 1,
    tokenTypes: 1,
    pooling: "first",
  },
} as const;
