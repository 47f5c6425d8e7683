import { ClipError } from "@clip-ts/base";
import {
  backend_util,
  engine,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import type { Rule, Rules } from "./rule.ts";

/** Runs a kernel of the backend that no function of tfjs-core names. */
function run(kernel: string, inputs: NamedTensorMap, attributes: object): Tensor {
  return engine().runKernel(kernel, inputs, attributes as NamedAttrMap);
}

/** @throws ClipError "unsupported": backends have no kernel for the gradient of a dilated convolution. */
function refuseDilation({ dilations }: NamedAttrMap): void {
  if (backend_util.tupleValuesAreOne((dilations ?? 1) as number | number[])) return;
  throw new ClipError(
    "unsupported",
    `A convolution with dilations ${JSON.stringify(dilations)} has no gradient. Dilate the filter with zeros instead.`,
  );
}

/** The attributes that a kernel of a gradient shares with the operation's. */
function pick(attributes: NamedAttrMap, names: readonly string[]): NamedAttrMap {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes(name)));
}

/** Σ over the window of x · filter, by the kernels of its two gradients and what they have to know. */
function convolution(kernels: { x: string; filter: string }, names: readonly string[]): Rule {
  return {
    inputsToSave: ["x", "filter"],
    gradFunc(given, saved, attributes) {
      refuseDilation(attributes);
      const dy = given as Tensor;
      const [x, filter] = saved as [Tensor, Tensor];
      const shared = pick(attributes, names);
      return {
        x: () => run(kernels.x, { dy, filter }, { ...shared, inputShape: x.shape }),
        filter: () => run(kernels.filter, { x, dy }, { ...shared, filterShape: filter.shape }),
      };
    },
  };
}

const ofAllChannels = ["strides", "pad", "dataFormat", "dimRoundingMode"];

/** A convolution (a cross-correlation) that sums over all channels. */
const full = convolution({ x: "Conv2DBackpropInput", filter: "Conv2DBackpropFilter" }, ofAllChannels);

/** One of every channel with filters of its own. */
const depthwise = convolution(
  { x: "DepthwiseConv2dNativeBackpropInput", filter: "DepthwiseConv2dNativeBackpropFilter" },
  ["strides", "pad", "dilations", "dimRoundingMode"],
);

/** The gradient of a convolution's picture, as transposed convolutions use it; linear in both inputs. */
const transposedConvolution: Rule = {
  inputsToSave: ["dy", "filter"],
  gradFunc(given, saved, attributes) {
    const ddx = given as Tensor4D;
    const [dy, filter] = saved as [Tensor4D, Tensor4D];
    const shared = pick(attributes, ofAllChannels);
    return {
      dy: () => run("Conv2D", { x: ddx, filter }, { ...shared, dilations: 1 }),
      filter: () => run("Conv2DBackpropFilter", { x: ddx, dy }, { ...shared, filterShape: filter.shape }),
    };
  },
};

/** The mean of each window: its share of dy for every place. */
const averagePool: Rule = {
  inputsToSave: ["x"],
  gradFunc: (dy, [x], { filterSize, strides, pad }) => ({
    x: () => run("AvgPoolGrad", { dy: dy as Tensor, input: x as Tensor }, { filterSize, strides, pad }),
  }),
};

/** The largest of each window: dy for the place it came from, the first of several. */
const maxPool: Rule = {
  inputsToSave: ["x"],
  outputsToSave: [true],
  gradFunc: (dy, saved, { filterSize, strides, pad, dimRoundingMode }) => {
    const [input, output] = saved as [Tensor, Tensor];
    return {
      x: () => run("MaxPoolGrad", { dy: dy as Tensor, input, output }, { filterSize, strides, pad, dimRoundingMode }),
    };
  },
};

/** What slides over pictures, [batch, height, width, channels]. */
export const windows: Rules = {
  Conv2D: full,
  Conv2DBackpropInput: transposedConvolution,
  DepthwiseConv2dNative: depthwise,
  AvgPool: averagePool,
  MaxPool: maxPool,
};
