import { activate, axisLength, checkpointed, layerNorm, linear, patchify } from "@clip-ts/core";
import { multiHeadAttention } from "@clip-ts/transformer";
import { add, concat, mean, pad, reshape, slice, type Tensor } from "@tensorflow/tfjs-core";
import type { BuiltInVisionTower, EncodedImage, SwinConfig, VisionOptions } from "../config.ts";
import { stagesOf, swinSpec, type MergingParams, type Stage, type SwinBlockParams, type SwinParams } from "./spec.ts";
import { cutWindows, joinWindows, roll, windowBias, type Windows } from "./windows.ts";

/** Constant of the norms outside the blocks, which no config names. */
const outerEps = 1e-5;

/** x with zeros at the bottom and right up to so many places. x [batch, side, side, dim]. */
function padTo(x: Tensor, side: number): Tensor {
  const more = side - axisLength(x, 1);
  const none: [number, number] = [0, 0];
  return more === 0 ? x : pad(x, [none, [0, more], [0, more], none]);
}

/** Windows of a stage's block: every second one is shifted, unless one window is all there is. */
function windowsOf({ side }: Stage, window: number, block: number): Windows {
  const isOne = side <= window;
  return {
    side: Math.ceil(side / window) * window,
    window,
    shift: isOne || block % 2 === 0 ? 0 : Math.floor(window / 2),
  };
}

/** Attention within windows. x [batch, side, side, dim] → same. */
function attend({ attention }: SwinBlockParams, x: Tensor, { heads, side }: Stage, windows: Windows): Tensor {
  const { query, key, value, relative_position_bias_table: table } = attention.self;
  const rolled = roll(padTo(x, windows.side), -windows.shift);
  const mask = windowBias(table, windows, axisLength(x, 0));
  const projections = { query, key, value, output: attention.output.dense };
  const seen = multiHeadAttention(projections, cutWindows(rolled, windows), { heads, mask });
  const back = roll(joinWindows(seen, windows), windows.shift);
  return windows.side === side ? back : slice(back, [0, 0, 0, 0], [-1, side, side, -1]);
}

/** A pre-norm block of windows' attention and an MLP. x [batch, side, side, dim] → same. */
function swinBlock(params: SwinBlockParams, x: Tensor, config: SwinConfig, place: BlockPlace): Tensor {
  const { layerNormEps, activation, window } = config;
  const windows = windowsOf(place.stage, window, place.index);
  const normed = layerNorm(params.layernorm_before, x, layerNormEps);
  const attended = add(x, attend(params, normed, place.stage, windows));
  const seen = layerNorm(params.layernorm_after, attended, layerNormEps);
  const thought = activate(activation, linear(params.intermediate.dense, seen));
  return add(attended, linear(params.output.dense, thought));
}

/** Where a block stands. */
interface BlockPlace {
  readonly stage: Stage;
  /** Its number in the stage. */
  readonly index: number;
}

/** The rows of the odd or even half of an axis of even length. x [batch, height, width, dim]. */
function everySecond(x: Tensor, axis: 1 | 2, first: 0 | 1): Tensor {
  const [before, half, after] = [x.shape.slice(0, axis), axisLength(x, axis) / 2, x.shape.slice(axis + 1)];
  const paired = reshape(x, [...before, half, 2, ...after]);
  const at = (place: number, others: number): number[] =>
    paired.shape.map((_, each) => (each === axis + 1 ? place : others));
  return reshape(slice(paired, at(first, 0), at(1, -1)), [...before, half, ...after]);
}

/** Four neighbours become one place of twice the length. x [batch, side, side, dim] → [batch, side / 2, side / 2, 2 · dim]. */
function merge({ norm, reduction }: MergingParams, x: Tensor): Tensor {
  const even = padTo(x, 2 * Math.ceil(axisLength(x, 1) / 2));
  const columns = [everySecond(even, 2, 0), everySecond(even, 2, 1)];
  const parts = columns.flatMap((column) => [everySecond(column, 1, 0), everySecond(column, 1, 1)]);
  return linear(reduction, layerNorm(norm, concat(parts, 3), outerEps));
}

/** pixels [batch, channels, size, size] → [batch, side, side, width]; zeros fill the last patches. */
function embedPatches({ embeddings }: SwinParams, pixels: Tensor, { patchSize, width }: SwinConfig): Tensor {
  const { weight, ...rest } = embeddings.patch_embeddings.projection;
  const side = Math.ceil(axisLength(pixels, 2) / patchSize);
  const more = side * patchSize - axisLength(pixels, 2);
  const none: [number, number] = [0, 0];
  const whole = more === 0 ? pixels : pad(pixels, [none, none, [0, more], [0, more]]);
  const patches = linear({ weight: reshape(weight, [width, -1]), ...rest }, patchify(whole, patchSize));
  return reshape(layerNorm(embeddings.norm, patches, outerEps), [-1, side, side, width]);
}

/** Runs a block, keeping nothing but its input for the backward pass if that is asked for. */
function runBlock(
  params: SwinBlockParams,
  x: Tensor,
  run: (params: SwinBlockParams, x: Tensor) => Tensor,
  checkpoint: boolean,
): Tensor {
  if (!checkpoint) return run(params, x);
  return checkpointed({ params, x, run: (kept, input) => ({ value: run(kept, input), aux: {} }) }).value;
}

/**
 * The Swin transformer (Liu et al. 2021, arXiv:2103.14030) as transformers and timm compute it: the mean of all places
 * after the last norm. pixels [batch, channels, imageSize, imageSize], normalised → pooled feature and places.
 */
function encodeSwin(
  params: SwinParams,
  pixels: Tensor,
  config: SwinConfig,
  { checkpoint = false }: VisionOptions,
): EncodedImage {
  const map = stagesOf(config).reduce(
    (entering, stage, at) => {
      const { blocks, downsample } = params.encoder.layers[at] as SwinParams["encoder"]["layers"][number];
      const seen = blocks.reduce(
        (x, block, index) =>
          runBlock(block, x, (kept, input) => swinBlock(kept, input, config, { stage, index }), checkpoint),
        entering,
      );
      return downsample === undefined ? seen : merge(downsample, seen);
    },
    embedPatches(params, pixels, config),
  );
  const lastHidden = reshape(map, [-1, axisLength(map, 1) * axisLength(map, 2), axisLength(map, 3)]);
  const pooled = mean(layerNorm(params.layernorm, lastHidden, config.layerNormEps), 1);
  return { pooled, lastHidden, statistics: {} };
}

const lastWidth = ({ width, layers }: SwinConfig): number => width * 2 ** (layers.length - 1);

/** Swin transformers. */
export const swin: BuiltInVisionTower<SwinConfig, SwinParams> = {
  title: "a Swin transformer",
  spec: swinSpec,
  encode: encodeSwin,
  width: lastWidth,
  endsInJointSpace: false,
  depth: ({ layers }) => layers.reduce((sum, blocks) => sum + blocks, 0),
  grid(config) {
    stagesOf(config);
    return 0;
  },
  attentionWidth: lastWidth,
  activation: ({ activation }) => activation,
  positions: () => undefined, // relative ones within windows, whatever the image's size
  describe: ({ layers, width, window, patchSize }) =>
    `Swin (${layers.join(", ")}), width ${width}, windows of ${window}, patches of ${patchSize}`,
  draws: () => ({}),
};
