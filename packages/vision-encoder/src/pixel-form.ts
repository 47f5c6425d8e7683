import { ClipError, sidesOf } from "@clip-ts/base";
import { sizeOf } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { VisionConfig } from "./config.ts";

/** One input of an exported vision tower; a name stands for a side that may have any length. */
export interface PublishedInput {
  readonly shape: readonly (number | string)[];
  readonly dtype?: "float32" | "int32";
}

/** How other libraries call an exported tower that is not given `pixel_values` as it reads them itself. */
export interface PublishedPixels {
  /** Inputs by name; their first side is "image_batch_size". */
  readonly inputs: Readonly<Record<string, PublishedInput>>;
  /** What the tower reads, made of these inputs by operations that can be traced. */
  read(given: Readonly<Record<string, Tensor>>): Tensor;
}

/** How the numbers of one image lie in what a tower reads. */
export interface PixelForm {
  /** Sides of one image; a name, of one of them, where images of one batch may have another length than those of the next. */
  readonly shape: readonly (number | string)[];
  /** Left out where an exported tower is given what it reads. */
  readonly published?: PublishedPixels;
}

/** One image as planes, which all towers read whose `pixelForm` is no other: [channels, height, width]. */
export function imageShape({
  channels,
  imageSize,
}: Pick<VisionConfig, "channels" | "imageSize">): [number, number, number] {
  const { height, width } = sidesOf(imageSize);
  return [channels, height, width];
}

/** The form that most towers read: planes. */
export const planesForm = (config: Pick<VisionConfig, "channels" | "imageSize">): PixelForm => ({
  shape: imageShape(config),
});

/** Whether images of a form may have different lengths. */
export const hasOpenSide = ({ shape }: PixelForm): boolean => shape.some((side) => typeof side !== "number");

/** Pixels of one length that hold `rows` images of a form → [rows, ...sides]. @throws ClipError "bad-shape" if they cannot. */
export function shapeOfImages(form: PixelForm, length: number, rows: number): number[] {
  const { shape } = form;
  const known = sizeOf(shape.filter((side) => typeof side === "number"));
  const open = hasOpenSide(form) ? length / (rows * known) : 1;
  if (Number.isSafeInteger(open) && rows * known * open === length) {
    return [rows, ...shape.map((side) => (typeof side === "number" ? side : open))];
  }
  throw new ClipError(
    "bad-shape",
    `The model wants images of [${shape.join(", ")}], but preprocessing gave ${length} values` +
      `${rows === 1 ? "" : ` for ${rows} images`}. Check the preprocessor's size.`,
    { data: { length, rows, shape } },
  );
}
