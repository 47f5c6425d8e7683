import { withGradientAside } from "@clip-ts/core";
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

/** Both towers on a batch of pairs. The caller owns rows and statistics. */
export function encodePairs(
  params: ClipParams,
  batch: PairInputs,
  config: ClipConfig,
  { training = false, checkpoint = false, frozen }: EncodeOptions = {},
): Encoded<PairRows> {
  const { pixelValues, inputIds, keptPatches, attentionMask, keptHidden, keptAttention } = batch;
  const onlyPooled = true; // the last block of a tower computes no more than what is pooled
  const vision = { training, checkpoint, keptPatches, onlyPooled };
  const reading = { attentionMask, keptHidden, keptAttention, checkpoint, onlyPooled };
  const seeImages = (): EncodedSide => imageSide(params, pixelValues, config, vision);
  const readTexts = (): EncodedSide => textSide(params, inputIds, config, reading);
  const image: Side = frozen?.image === true ? withoutTape(pixelValues, seeImages) : seeImages();
  const text: Side = frozen?.text === true ? withoutTape(inputIds, readTexts) : readTexts();
  return { rows: { image: image.features, text: text.features }, statistics: image.statistics };
}
