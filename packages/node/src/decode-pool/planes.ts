import type { RandomStream } from "@clip-ts/base";
import {
  augmentBytes,
  planesOnly,
  preprocessBytes,
  viewBytes,
  type AugmentConfig,
  type Pixels,
  type Preprocessing,
  type RandomViewConfig,
} from "@clip-ts/image";

/** What becomes of every picture. */
export interface PictureSettings {
  readonly preprocess: Preprocessing;
  /** Random crops and the like; without it and `view` pictures are prepared as for evaluation. */
  readonly augment?: AugmentConfig | undefined;
  /** In place of `augment`: crops, turns and colours in one pass. */
  readonly view?: RandomViewConfig | undefined;
  /** "fast": large JPEGs are decoded at a fraction of their size. "exact": all to the byte as Pillow would. */
  readonly mode: "fast" | "exact";
  /** Turn pictures upright as their EXIF tag says. */
  readonly honourExif: boolean;
  /** Of all random streams. */
  readonly seed: number;
}

/** A decoded picture as a model sees it before normalising: planes [3, size, size] into `target`, or patches. */
export function writePicture(
  pixels: Pixels,
  { preprocess: config, augment: augmentation, view }: PictureSettings,
  random: RandomStream,
  target: Uint8ClampedArray,
): void {
  if (view !== undefined) viewBytes(pixels, { preprocess: planesOnly(config, "data.view"), view }, random, target);
  else if (augmentation !== undefined)
    augmentBytes(pixels, { preprocess: planesOnly(config, "data.augment"), augment: augmentation }, random, target);
  else preprocessBytes(pixels, config, target);
}
