import { ClipError } from "@clip-ts/base";
import { backend_util } from "@tensorflow/tfjs-core";
import type { Attributes } from "./graph.ts";
import type { Described, ShapeRule } from "./ops.ts";

type Shape4D = [number, number, number, number];

/** How a window moves over pictures [batch, height, width, channels]. */
export type Windows = backend_util.Conv2DInfo;

const windowsOf =
  (isDepthwise: boolean) =>
  (
    image: readonly number[],
    filter: readonly number[],
    { strides, pad, dilations, dimRoundingMode }: Attributes,
  ): Windows =>
    backend_util.computeConv2DInfo(
      [...image] as Shape4D,
      [...filter] as Shape4D,
      strides as number,
      (dilations as number | undefined) ?? 1,
      pad as number,
      dimRoundingMode as "floor" | undefined,
      isDepthwise,
    );

type WindowsOf = ReturnType<typeof windowsOf>;

/** The windows of a convolution. image and filter [height, width, in, out] are shapes. */
export const convolutionWindows: WindowsOf = windowsOf(false);

/** The windows of a convolution of every channel by itself. filter [height, width, channels, outputs of each]. */
export const depthwiseWindows: WindowsOf = windowsOf(true);

/** The windows of a pool. */
export function poolWindows(
  image: readonly number[],
  { filterSize, strides, pad, dimRoundingMode }: Attributes,
): Windows {
  return backend_util.computePool2DInfo(
    [...image] as Shape4D,
    filterSize as number,
    strides as number,
    1,
    pad as number,
    dimRoundingMode as "floor" | undefined,
  );
}

function refuseChannelsFirst({ dataFormat }: Attributes): void {
  if (dataFormat === undefined || dataFormat === "NHWC") return;
  throw new ClipError("unsupported", "Only convolutions of pictures with channels last can be traced.");
}

const shapeBy =
  (windows: WindowsOf): ShapeRule =>
  ({ x, filter }, attributes) => {
    refuseChannelsFirst(attributes);
    const [image, kernel] = [x as Described, filter as Described];
    return { shape: windows(image.shape, kernel.shape, attributes).outShape, dtype: "float32" };
  };

export const convolutionShape: ShapeRule = shapeBy(convolutionWindows);

export const depthwiseShape: ShapeRule = shapeBy(depthwiseWindows);

export const poolShape: ShapeRule = ({ x }, attributes) => ({
  shape: poolWindows((x as Described).shape, attributes).outShape,
  dtype: "float32",
});

/** The result has the shape that the attribute names: that of what the gradient belongs to. */
export const convolutionGradientShape =
  (attribute: "inputShape" | "filterShape"): ShapeRule =>
  (_, attributes) => {
    refuseChannelsFirst(attributes);
    return { shape: attributes[attribute] as readonly number[], dtype: "float32" };
  };
