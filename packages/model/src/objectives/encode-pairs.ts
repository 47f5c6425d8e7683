import type { RandomStream } from "@clip-ts/base";
import { withGradientAside, type HostArrays } from "@clip-ts/core";
import { drawTextDropout } from "@clip-ts/text-encoder";
import { visionTower } from "@clip-ts/vision-encoder";
import { zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "../config.ts";
import { imageSide, textSide, type EncodedSide } from "../embed.ts";
import type { PairInputs } from "../pair-batch.ts";
import type { ClipParams } from "../spec.ts";
import type { EncodeOptions, Encoded } from "./objective.ts";

/** Unit features of pairs. */
export type PairRows = {
  /** [pairs, joint], unit rows. */
  readonly image: Tensor;
  /** [pairs, joint], unit rows. */
  readonly text: Tensor;
};

/** What the towers read of a batch. */
export const pairInputs: readonly (keyof PairInputs)[] = [
  "pixelValues",
  "inputIds",
  "attentionMask",
  "keptPatches",
  "keptHidden",
  "keptAttention",
];

type Side = Pick<EncodedSide, "features" | "statistics">;

/** Runs a tower without a tape: nothing in it learns, so nothing need be kept. */
function withoutTape(input: Tensor, run: () => EncodedSide): Side {
  const { value, aside } = withGradientAside({
    inputs: [input],
    forward() {
      const { features, statistics } = run();
      return { value: features, aside: statistics };
    },
    backward: () => [zerosLike(input)],
  });
  return { features: value, statistics: aside };
}

/** Runs both towers of an architecture on batches of pairs. The caller owns rows and statistics. */
export const encodePairs =
  (config: ClipConfig) =>
  (
    params: ClipParams,
    batch: PairInputs,
    { training = false, checkpoint = false, frozen }: EncodeOptions = {},
  ): Encoded<PairRows> => {
    const { pixelValues, inputIds, keptPatches, attentionMask, keptHidden, keptAttention } = batch;
    const onlyPooled = true; // the last block of a tower computes no more than what is pooled
    const vision = { training, checkpoint, keptPatches, onlyPooled };
    const reading = { attentionMask, keptHidden, keptAttention, checkpoint, onlyPooled };
    const seeImages = (): EncodedSide => imageSide(params, pixelValues, config, vision);
    const readTexts = (): EncodedSide => textSide(params, inputIds, config, reading);
    const image: Side = frozen?.image === true ? withoutTape(pixelValues, seeImages) : seeImages();
    const text: Side = frozen?.text === true ? withoutTape(inputIds, readTexts) : readTexts();
    return { rows: { image: image.features, text: text.features }, statistics: image.statistics };
  };

/**
 * What the towers draw for a batch: the patches that each image keeps, and what each caption's pass keeps
 * of its activations, unless nothing of the text tower learns.
 */
export function drawPairInputs(
  { vision, text }: ClipConfig,
  { pixelValues, inputIds }: HostArrays,
  stream: (purpose: string) => RandomStream,
  frozen: NonNullable<EncodeOptions["frozen"]>,
): HostArrays {
  const images = pixelValues?.shape[0] ?? 0;
  const [batch = 0, tokens = 0] = inputIds?.shape ?? [];
  return {
    ...visionTower(vision).draws(vision, images, stream("patches")),
    ...(frozen.text ? {} : drawTextDropout(text, { batch, tokens }, stream("text-dropout"))),
  };
}
