import type { ClipConfig } from "@clip-ts/model";
import { visionTower } from "@clip-ts/vision-encoder";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { note } from "../../cli/output.ts";

/** `--image-size`, or undefined. @throws UsageError unless it is a whole number. */
export function imageSizeOf(args: Pick<Arguments, "text">): number | undefined {
  return countOption(args, "image-size");
}

/** Says on stderr that a model is used at another size than its own. */
export function noteImageSize({ vision }: ClipConfig, imageSize: number | undefined): void {
  if (imageSize === undefined || imageSize === vision.imageSize) return;
  const { computed } = visionTower(vision).positions(vision) ?? {};
  const how = computed === undefined ? "interpolated" : "computed";
  note(
    `opened for images of ${imageSize} px instead of ${vision.imageSize} px: its positions are ${how}`,
  );
}
