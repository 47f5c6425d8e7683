import { ClipError } from "@clip-ts/base";
import { visionTower } from "@clip-ts/vision-encoder";
import type { InferOptions } from "./infer-options.ts";
import type { InferredVision } from "./infer-vision.ts";

/** Length of a head in all of OpenAI's models. */
const openaiHead = 64;

/** What a vision tower's heads share: its width, or the channels of a ResNet's last stage. */
export function widthOfHeads(vision: InferredVision): number {
  return visionTower(vision).attentionWidth(vision);
}

/**
 * The heads that the options give a tower of this width; undefined if they do not.
 * @throws ClipError "bad-argument" for a number that does not divide the width.
 */
export function headsOfTower(
  side: "vision" | "text",
  width: number,
  { heads, isOpenai = false }: InferOptions,
): number | undefined {
  const said = heads?.[side] ?? (isOpenai ? width / openaiHead : undefined);
  if (said === undefined || (Number.isInteger(width / said) && Number.isInteger(said))) return said;
  throw new ClipError(
    "bad-argument",
    `${said} heads do not divide the ${side} tower's width of ${width}: give a divisor.`,
    { data: { side, width, heads: said } },
  );
}
