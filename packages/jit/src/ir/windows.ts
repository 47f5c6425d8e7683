import { ClipError } from "@clip-ts/base";
import { backend_util } from "@tensorflow/tfjs-core";
import type { Attributes } from "./graph.ts";
import type { Described, ShapeRule } from "./ops.ts";

type Shape4D = [number, number, number, number];

/** How a window moves over pictures [batch, height, width, channels]. */
export type Windows = backend_util.Conv2DInfo;

/** The windows of a convolution. image and filter [height, width, in, out] are shapes. */
export function convolutionWindows(
  image: readonly number[],
  filter: readonly number[],
  { strides, pad, dilations, dimRoundingMode }: Attributes,
): Windows {
  return backend_util.computeConv2DInfo(
    [...image] as Shape4D,
    [...filter] as Shape4D,
    strides as number,
    (dilations as number | undefined) ?? 1,
    pad as number,
    dimRoundingMode as "floor" | undefined,
  );
}

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

export const convolutionShape: ShapeRule = ({ x, filter }, attributes) => {
  refuseChannelsFirst(attributes);
  const [image, kernel] = [x as Described, filter as Described];
  return {
    shape: convolutionWindows(image.shape, kernel.shape, attributes).outShape,
    dtype: "float32",
  };
};

/** The windows of a convolution of every channel by itself. filter [height, width, channels, outputs of each]. */
export function depthwiseWindows(
  image: readonly number[],
  filter: readonly number[],
  { strides, pad, dilations, dimRoundingMode }: Attributes,
): Windows {
  return backend_util.computeConv2DInfo(
    [...image] as Shape4D,
    [...filter] as Shape4D,
    strides as number,
    (dilations as number | undefined) ?? 1,
    pad as number,
    dimRoundingMode as "floor" | undefined,
    true,
  );
}

export const depthwiseShape: ShapeRule = ({ x, filter }, attributes) => {
  refuseChannelsFirst(attributes);
  const [image, kernel] = [x as Described, filter as Described];
  return { shape: depthwiseWindows(image.shape, kernel.shape, attributes).outShape, dtype: "float32" };
};

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
