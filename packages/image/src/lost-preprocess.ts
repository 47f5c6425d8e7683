import type { PreprocessConfig } from "./preprocess-config.ts";

/** A library that prepares pictures by the files that clip-ts writes; others are told what to do by people. */
export type PreprocessReader = "transformers" | "open_clip" | "others";

/** How a library prepares pictures, whatever the files say. */
interface Habits {
  readonly name: string;
  readonly convertRgb?: PreprocessConfig["convertRgb"];
  readonly centerCrop?: PreprocessConfig["centerCrop"];
}

const habits: Readonly<Record<PreprocessReader, Habits>> = {
  transformers: { name: "transformers", convertRgb: "before-resize", centerCrop: "floor" },
  open_clip: { name: "open_clip", convertRgb: "after-resize", centerCrop: "half-even" },
  others: { name: "Other programs" },
};

const orders = { "before-resize": "before", "after-resize": "after" } as const;
const middles = { floor: "the pixel before", "half-even": "the even pixel" } as const;

function lostAlpha({ alpha }: PreprocessConfig, { name }: Habits): string[] {
  if (alpha === "drop") return [];
  return [
    `${name} will not lay transparent pixels over the background ${alpha.join(" ")} (clip_ts.alpha): ` +
      "flatten pictures first.",
  ];
}

function lostOrder(own: PreprocessConfig, { name, convertRgb }: Habits): string[] {
  if (convertRgb === undefined || convertRgb === own.convertRgb) return [];
  return [
    `${name} makes RGB ${orders[convertRgb]} the resize, this model ${orders[own.convertRgb]} it ` +
      "(clip_ts.convert_rgb): pictures with transparency or a palette differ.",
  ];
}

function lostMiddle(own: PreprocessConfig, { name, centerCrop }: Habits): string[] {
  if (centerCrop === undefined || centerCrop === own.centerCrop) return [];
  if (own.resize === "squash") return []; // nothing is cropped
  return [
    `Where the middle starts at half a pixel, ${name} takes ${middles[centerCrop]}, this model ` +
      `${middles[own.centerCrop]} (clip_ts.center_crop): such pictures are shifted by one pixel.`,
  ];
}

/**
 * What of a preprocessing a library does otherwise, whatever stands in the files that it reads; one sentence
 * for each, none if its pixels are the same.
 */
export function lostPreprocess(config: PreprocessConfig, reader: PreprocessReader): string[] {
  const theirs = habits[reader];
  return [lostAlpha, lostOrder, lostMiddle].flatMap((lost) => lost(config, theirs));
}
