import type { PreprocessConfig } from "./preprocess-config.ts";

/** A preprocessing in words: all that changes a number. */
export function describePreprocess(config: PreprocessConfig): string {
  const { size, resize, interpolation, mean, std, alpha, convertRgb, centerCrop } = config;
  const middle = centerCrop === "floor" ? "the middle" : "torchvision's middle";
  const fit = resize === "squash" ? `squashed to ${size}` : `shortest side to ${size}, ${middle}`;
  return [
    fit,
    interpolation,
    ...(convertRgb === "before-resize" ? [] : ["RGB after the resize"]),
    ...(alpha === "drop" ? [] : [`transparency over ${alpha.join(" ")}`]),
    `mean ${mean.join(" ")}`,
    `deviation ${std.join(" ")}`,
  ].join(", ");
}
