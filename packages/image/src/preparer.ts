import { ClipError } from "@clip-ts/base";
import type { Pixels } from "./pixels.ts";
import type { Preprocessing } from "./preprocess-config.ts";
import { preprocessYielding } from "./preprocess.ts";

/** Somebody else's preprocessing: what makes a model's input of a picture, in place of a `PreprocessConfig`. */
export interface ImagePreparer {
  /** Width and height of the result. */
  readonly size: number;
  /** One picture to [3, size, size], normalised; the caller owns the result. */
  prepare(pixels: Pixels): Promise<Float32Array>;
}

/** Whether it is somebody else's. */
export const isPreparer = (how: Preprocessing | ImagePreparer): how is ImagePreparer => "prepare" in how;

/**
 * A picture as a model's input: [3, height, width], or patches.
 * @throws ClipError "bad-shape" if what somebody else's preprocessing makes is of another size.
 */
export async function prepareImage(pixels: Pixels, how: Preprocessing | ImagePreparer): Promise<Float32Array> {
  if (!isPreparer(how)) return preprocessYielding(pixels, how);
  const planes = await how.prepare(pixels);
  const expected = 3 * how.size ** 2;
  if (planes.length === expected) return planes;
  throw new ClipError(
    "bad-shape",
    `The image processor gave ${planes.length} numbers for a picture; expected ${expected}, [3, ${how.size}, ${how.size}].`,
    { data: { length: planes.length, expected } },
  );
}
