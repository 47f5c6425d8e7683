import { ClipError } from "@clip-ts/base";
import { isResNet, type VisionConfig } from "@clip-ts/vision-encoder";
import type { InferOptions } from "./infer-options.ts";

/** What a vision tower's heads share: its width, or the channels of a ResNet's last stage. */
export function widthOfHeads(vision: VisionConfig): number {
  return isResNet(vision) ? vision.width * 32 : vision.width;
}

/**
 * The heads that the options give a tower of this width; undefined if they do not.
 * @throws ClipError "bad-argument" for a number that does not divide the width.
 */
export function headsOfTower(
  side: "vision" | "text",
  width: number,
  { heads, headWidth }: InferOptions,
): number | undefined {
  const said = heads?.[side] ?? (headWidth === undefined ? undefined : width / headWidth);
  if (said === undefined || (Number.isInteger(width / said) && Number.isInteger(said))) return said;
  throw new ClipError(
    "bad-argument",
    `${said} heads do not divide the ${side} tower's width of ${width}: give a divisor.`,
    { data: { side, width, heads: said } },
  );
}
