import type { OperationName } from "./operations.ts";

/** An operation, the chance that it is done, and its magnitude from 0 to 10. */
export type PolicyStep = readonly [name: OperationName, probability: number, magnitude: number];

/** Steps that are done one after the other. */
export type SubPolicy = readonly PolicyStep[];

/** ImageNet's policy of the first EfficientNets (tensorflow/tpu, `autoaugment.py`, v0). */
const v0: readonly SubPolicy[] = [
  [
    ["Equalize", 0.8, 1],
    ["ShearY", 0.8, 4],
  ],
  [
    ["Color", 0.4, 9],
    ["Equalize", 0.6, 3],
  ],
  [
    ["Color", 0.4, 1],
    ["Rotate", 0.6, 8],
  ],
  [
    ["Solarize", 0.8, 3],
    ["Equalize", 0.4, 7],
  ],
  [
    ["Solarize", 0.4, 2],
    ["Solarize", 0.6, 2],
  ],
  [
    ["Color", 0.2, 0],
    ["Equalize", 0.8, 8],
  ],
  [
    ["Equalize", 0.4, 8],
    ["SolarizeAdd", 0.8, 3],
  ],
  [
    ["ShearX", 0.2, 9],
    ["Rotate", 0.6, 8],
  ],
  [
    ["Color", 0.6, 1],
    ["Equalize", 1, 2],
  ],
  [
    ["Invert", 0.4, 9],
    ["Rotate", 0.6, 0],
  ],
  [
    ["Equalize", 1, 9],
    ["ShearY", 0.6, 3],
  ],
  [
    ["Color", 0.4, 7],
    ["Equalize", 0.6, 0],
  ],
  [
    ["Posterize", 0.4, 6],
    ["AutoContrast", 0.4, 7],
  ],
  [
    ["Solarize", 0.6, 8],
    ["Color", 0.6, 9],
  ],
  [
    ["Solarize", 0.2, 4],
    ["Rotate", 0.8, 9],
  ],
  [
    ["Rotate", 1, 7],
    ["TranslateYRel", 0.8, 9],
  ],
  [
    ["ShearX", 0, 0],
    ["Solarize", 0.8, 4],
  ],
  [
    ["ShearY", 0.8, 0],
    ["Color", 0.6, 4],
  ],
  [
    ["Color", 1, 0],
    ["Rotate", 0.6, 2],
  ],
  [
    ["Equalize", 0.8, 4],
    ["Equalize", 0, 8],
  ],
  [
    ["Equalize", 1, 4],
    ["AutoContrast", 0.6, 2],
  ],
  [
    ["ShearY", 0.4, 7],
    ["SolarizeAdd", 0.6, 7],
  ],
  [
    ["Posterize", 0.8, 2],
    ["Solarize", 0.6, 10],
  ],
  [
    ["Solarize", 0.6, 8],
    ["Equalize", 0.6, 1],
  ],
  [
    ["Color", 0.8, 6],
    ["Rotate", 0.4, 5],
  ],
];

/** ImageNet's policy of Cubuk et al. 2018, "AutoAugment" (arXiv:1805.09501), table 9. */
const original: readonly SubPolicy[] = [
  [
    ["PosterizeOriginal", 0.4, 8],
    ["Rotate", 0.6, 9],
  ],
  [
    ["Solarize", 0.6, 5],
    ["AutoContrast", 0.6, 5],
  ],
  [
    ["Equalize", 0.8, 8],
    ["Equalize", 0.6, 3],
  ],
  [
    ["PosterizeOriginal", 0.6, 7],
    ["PosterizeOriginal", 0.6, 6],
  ],
  [
    ["Equalize", 0.4, 7],
    ["Solarize", 0.2, 4],
  ],
  [
    ["Equalize", 0.4, 4],
    ["Rotate", 0.8, 8],
  ],
  [
    ["Solarize", 0.6, 3],
    ["Equalize", 0.6, 7],
  ],
  [
    ["PosterizeOriginal", 0.8, 5],
    ["Equalize", 1, 2],
  ],
  [
    ["Rotate", 0.2, 3],
    ["Solarize", 0.6, 8],
  ],
  [
    ["Equalize", 0.6, 8],
    ["PosterizeOriginal", 0.4, 6],
  ],
  [
    ["Rotate", 0.8, 8],
    ["Color", 0.4, 0],
  ],
  [
    ["Rotate", 0.4, 9],
    ["Equalize", 0.6, 2],
  ],
  [
    ["Equalize", 0, 7],
    ["Equalize", 0.8, 8],
  ],
  [
    ["Invert", 0.6, 4],
    ["Equalize", 1, 8],
  ],
  [
    ["Color", 0.6, 4],
    ["Contrast", 1, 8],
  ],
  [
    ["Rotate", 0.8, 8],
    ["Color", 1, 2],
  ],
  [
    ["Color", 0.8, 8],
    ["Solarize", 0.8, 7],
  ],
  [
    ["Sharpness", 0.4, 7],
    ["Invert", 0.6, 8],
  ],
  [
    ["ShearX", 0.6, 5],
    ["Equalize", 1, 9],
  ],
  [
    ["Color", 0.4, 0],
    ["Equalize", 0.6, 3],
  ],
  [
    ["Equalize", 0.4, 7],
    ["Solarize", 0.2, 4],
  ],
  [
    ["Solarize", 0.6, 5],
    ["AutoContrast", 0.6, 5],
  ],
  [
    ["Invert", 0.6, 4],
    ["Equalize", 1, 8],
  ],
  [
    ["Color", 0.6, 4],
    ["Contrast", 1, 8],
  ],
  [
    ["Equalize", 0.8, 8],
    ["Equalize", 0.6, 3],
  ],
];

/** Touvron et al. 2022, "DeiT III" (arXiv:2204.07118): one of three. */
const threeAugment: readonly SubPolicy[] = [
  [["Solarize", 1, 5]],
  [["Desaturate", 1, 10]],
  [["GaussianBlurRand", 1, 10]],
];

/** The same with another scale of posterising: the more, the fewer bits. */
function withIncreasing(policy: readonly SubPolicy[]): readonly SubPolicy[] {
  return policy.map((steps) =>
    steps.map(([name, ...rest]) => [name.startsWith("Posterize") ? "PosterizeIncreasing" : name, ...rest] as const),
  );
}

/** The searched policies by timm's names. */
export const autoPolicies: Readonly<Record<string, readonly SubPolicy[]>> = {
  v0,
  v0r: withIncreasing(v0),
  original,
  originalr: withIncreasing(original),
  "3a": threeAugment,
};

const common = ["AutoContrast", "Equalize", "Invert", "Rotate"] as const;
const moved = ["ShearX", "ShearY", "TranslateXRel", "TranslateYRel"] as const;

/** What RandAugment (Cubuk et al. 2019, arXiv:1909.13719) draws from. */
export const randomOperations: readonly OperationName[] = [
  ...common,
  "Posterize",
  "Solarize",
  "SolarizeAdd",
  "Color",
  "Contrast",
  "Brightness",
  "Sharpness",
  ...moved,
];

/** The same where a larger magnitude always changes more. */
export const increasingOperations: readonly OperationName[] = [
  ...common,
  "PosterizeIncreasing",
  "SolarizeIncreasing",
  "SolarizeAdd",
  "ColorIncreasing",
  "ContrastIncreasing",
  "BrightnessIncreasing",
  "SharpnessIncreasing",
  ...moved,
];

/** Operations with the weights by which timm draws them. */
export const weightedOperations: Readonly<Record<string, Partial<Readonly<Record<OperationName, number>>>>> = {
  weights: {
    Rotate: 3,
    ShearX: 2,
    ShearY: 2,
    TranslateXRel: 1,
    TranslateYRel: 1,
    ColorIncreasing: 0.25,
    SharpnessIncreasing: 0.25,
    AutoContrast: 0.25,
    SolarizeIncreasing: 0.05,
    SolarizeAdd: 0.05,
    ContrastIncreasing: 0.05,
    BrightnessIncreasing: 0.05,
    Equalize: 0.05,
    PosterizeIncreasing: 0.05,
    Invert: 0.05,
  },
  "3aw": {
    SolarizeIncreasing: 6,
    Desaturate: 6,
    GaussianBlur: 6,
    Rotate: 3,
    ShearX: 2,
    ShearY: 2,
    PosterizeIncreasing: 1,
    AutoContrast: 1,
    ColorIncreasing: 1,
    SharpnessIncreasing: 1,
    ContrastIncreasing: 1,
    BrightnessIncreasing: 1,
    Equalize: 1,
    Invert: 1,
  },
};

/** Three evenly. */
export const threeOperations: readonly OperationName[] = ["SolarizeIncreasing", "Desaturate", "GaussianBlur"];

/** What AugMix (Hendrycks et al. 2020, arXiv:1912.02781) draws from, with timm's changes of colour. */
export const mixedOperations: readonly OperationName[] = [
  "AutoContrast",
  "ColorIncreasing",
  "ContrastIncreasing",
  "BrightnessIncreasing",
  "SharpnessIncreasing",
  "Equalize",
  "Rotate",
  "PosterizeIncreasing",
  "SolarizeIncreasing",
  ...moved,
];
