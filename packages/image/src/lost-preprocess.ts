import type { PreprocessConfig } from "./preprocess-config.ts";

/** A library that prepares pictures by the files that clip-ts writes; others are told what to do by people. */
export type PreprocessReader = "transformers" | "open_clip" | "others";

const orders = {
  transformers: "before-resize",
  open_clip: "after-resize",
  others: undefined,
} as const;

const middles = { transformers: "floor", open_clip: "half-even", others: undefined } as const;

const subjects = {
  transformers: "transformers",
  open_clip: "open_clip",
  others: "Other programs",
} as const;

/**
 * What of a preprocessing a library does otherwise, whatever stands in the files that it reads; one sentence
 * for each, none if its pixels are the same.
 */
export function lostPreprocess(
  { alpha, convertRgb, centerCrop, resize }: PreprocessConfig,
  reader: PreprocessReader,
): string[] {
  const who = subjects[reader];
  const [order, middle] = [orders[reader], middles[reader]];
  return [
    ...(alpha === "drop"
      ? []
      : [
          `${who} will not lay transparent pixels over the background ${alpha.join(" ")} (clip_ts.alpha): ` +
            "flatten pictures first.",
        ]),
    ...(order === undefined || order === convertRgb
      ? []
      : [
          `${who} makes RGB ${order === "before-resize" ? "before" : "after"} the resize, this model ` +
            `${order === "before-resize" ? "after" : "before"} it (clip_ts.convert_rgb): pictures with ` +
            "transparency or a palette differ.",
        ]),
    ...(resize === "squash" || middle === undefined || middle === centerCrop
      ? []
      : [
          `Where the middle starts at half a pixel, ${who} takes ${middle === "floor" ? "the pixel before" : "the even pixel"}, ` +
            `this model ${middle === "floor" ? "the even pixel" : "the pixel before"} (clip_ts.center_crop): such ` +
            "pictures are shifted by one pixel.",
        ]),
  ];
}
