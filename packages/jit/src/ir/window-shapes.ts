import { ClipError } from "@clip-ts/base";
import type { Attributes } from "./graph.ts";
import { convolutionWindows, poolWindows } from "./windows.ts";
import type { Described, ShapeRule } from "./operation.ts";

function refuseChannelsFirst({ dataFormat }: Attributes): void {
  if (dataFormat === undefined || dataFormat === "NHWC") return;
  throw new ClipError(
    "unsupported",
    "Only convolutions of pictures with channels last can be traced.",
  );
}

export const convolutionShape: ShapeRule = ({ x, filter }, attributes) => {
  refuseChannelsFirst(attributes);
  const [image, kernel] = [x as Described, filter as Described];
  return {
    shape: convolutionWindows(image.shape, kernel.shape, attributes).outShape,
    dtype: "float32",
  };
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
