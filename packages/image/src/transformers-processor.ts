import { ClipError } from "@clip-ts/base";
import { toRgb } from "./color.ts";
import type { Pixels } from "./pixels.ts";
import type { ImagePreparer } from "./preparer.ts";

/** What is used of the `RawImage` class of @huggingface/transformers. */
export type RawImageClass<Image> = new (
  data: Uint8ClampedArray | Uint8Array,
  width: number,
  height: number,
  channels: 1 | 2 | 3 | 4,
) => Image;

/** Sides as the library's configs say them. */
type Side = number | { readonly height?: number; readonly width?: number; readonly shortest_edge?: number };

/** What is used of an image processor of @huggingface/transformers. */
export interface TransformersImageProcessor {
  // A method, so that processors of any kind of image fit.
  (images: never): Promise<unknown>;
  readonly size?: Side | undefined;
  readonly crop_size?: Side | undefined;
  readonly do_center_crop?: boolean | undefined;
}

/** A processor of a whole model (`AutoProcessor`), which has one of images. */
interface TransformersProcessor {
  readonly image_processor?: TransformersImageProcessor | undefined;
}

/** Height and width of a config's side. */
function sidesOf(side: Side | undefined): readonly (number | undefined)[] {
  if (typeof side !== "object") return [side, side];
  const height = side.height ?? side.shortest_edge;
  return [height, side.width ?? height];
}

function sideOf({ do_center_crop: crops, crop_size: crop, size }: TransformersImageProcessor): number {
  const side = crops === true ? (crop ?? size) : size;
  const [height, width] = sidesOf(side);
  if (Number.isSafeInteger(height) && height === width) return height as number;
  throw new ClipError(
    "unsupported",
    `The image processor makes pictures of ${JSON.stringify(side)}; a CLIP takes squares of one size.`,
    { data: { side } },
  );
}

/**
 * A processor of @huggingface/transformers (`AutoProcessor` or `AutoImageProcessor`) in the place of our preprocessing:
 * pixels are as the library makes them. `RawImage` is its class of that name.
 * @throws ClipError "bad-argument" for what is no such processor; "unsupported" for pictures of another form.
 */
export function fromTransformersProcessor<Image>(
  processor: TransformersProcessor | TransformersImageProcessor,
  RawImage: RawImageClass<Image>,
): ImagePreparer {
  const ofImages =
    "image_processor" in processor ? processor.image_processor : (processor as TransformersImageProcessor);
  if (typeof ofImages !== "function" || typeof RawImage !== "function") {
    throw new ClipError(
      "bad-argument",
      "Expected a processor of @huggingface/transformers (await AutoProcessor.from_pretrained(...)) and its class RawImage.",
    );
  }
  const size = sideOf(ofImages);
  return {
    size,
    async prepare(pixels: Pixels) {
      // The library knows bytes of grey, colours and alpha; what else files hold becomes colours first.
      const { data, width, height, channels } = pixels.mode === undefined ? pixels : toRgb(pixels);
      const image = new RawImage(data, width, height, channels);
      const { pixel_values: values } = (await ofImages(image as never)) as {
        readonly pixel_values: { readonly data: Float32Array; readonly dims: readonly number[] };
      };
      if (values.dims.join() === [1, 3, size, size].join()) return Float32Array.from(values.data);
      throw new ClipError(
        "bad-shape",
        `The image processor gave [${values.dims.join(", ")}]; expected [1, 3, ${size}, ${size}].`,
        { data: { dims: values.dims } },
      );
    },
  };
}
