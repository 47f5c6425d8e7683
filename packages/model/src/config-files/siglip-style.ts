/** What tells SigLIP's vision transformer from CLIP's. */
export const siglipVisionStyle = {
  classToken: false,
  preNorm: false,
  patchBias: true,
  pooling: "attention",
} as const;
