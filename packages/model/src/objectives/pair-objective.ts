import type { RandomStream } from "@clip-ts/base";
import { withGradientAux, type HostArrays } from "@clip-ts/core";
import { localAccuracy, localLoss, localSums, matchingAccuracy, type LocalPairs, type LocalTerm } from "@clip-ts/loss";
import { drawTextDropout } from "@clip-ts/text-encoder";
import { visionTower } from "@clip-ts/vision-encoder";
import { add, clone, reshape, slice, zerosLike, type Scalar, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "../config.ts";
import { imageSide, textSide, type EncodedSide } from "../embed.ts";
import {
  comparePairs,
  logitsOf,
  type ComparedPairs,
  type LogitParams,
  type PairInputs,
  type SharedInputs,
} from "../pairs.ts";
import type { ClipParams } from "../spec.ts";
import type { Bounds, Compared, Encoded, EncodeOptions, LocalComparison, Objective, RankRows } from "./objective.ts";
import { checkPixels, normalizedPixels } from "./pixel-values.ts";

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
  "pixelMean",
  "pixelStd",
];

type Side = Pick<EncodedSide, "features" | "statistics">;

/** Runs a tower without a tape: nothing in it learns, so nothing need be kept. */
function withoutTape(input: Tensor, run: () => EncodedSide): Side {
  const { value, aux } = withGradientAux({
    inputs: [input],
    forward() {
      const { features, statistics } = run();
      return { value: features, aux: statistics };
    },
    backward: () => [zerosLike(input)],
  });
  return { features: value, statistics: aux };
}

/**
 * Runs both towers of an architecture on batches of pairs, whose pixels it normalises where `pixelMean` and `pixelStd`
 * come along. The caller owns rows and statistics.
 */
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
    const seeImages = (): EncodedSide => imageSide(params, normalizedPixels(batch), config, vision);
    const readTexts = (): EncodedSide => textSide(params, inputIds, config, reading);
    const image: Side = frozen?.image === true ? withoutTape(pixelValues, seeImages) : seeImages();
    const text: Side = frozen?.text === true ? withoutTape(inputIds, readTexts) : readTexts();
    return { rows: { image: image.features, text: text.features }, statistics: image.statistics };
  };

/**
 * What the towers draw for a batch: the patches that each image keeps, and what each caption's pass keeps
 * of its activations, unless nothing of the text tower learns.
 */
function drawPairInputs(
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

/** An objective of CLIP: every image is compared with every caption. */
export interface ClipObjective extends Objective<ClipParams, PairInputs, PairRows, SharedInputs> {
  compare(params: LogitParams, rows: PairRows, shared: SharedInputs): Compared;
  readonly local?: LocalComparison<LogitParams, PairRows, SharedInputs> | undefined;
}

/** What is worth reporting of pairs. */
type PairMetrics = {
  /** Share of images whose own caption scores highest. */
  readonly accuracy: Scalar;
  /** The logarithm that the loss is computed with. */
  readonly logitScale: Scalar;
};

/** What a comparison that has all logits at once gives too. */
export type PairComparison = Compared & {
  readonly metrics: PairMetrics;
  /** [images, texts]. */
  readonly logits: Tensor;
};

/** An objective that can be compared with the matrix of all pairs in memory, or without it. */
export interface PairObjective extends ClipObjective {
  compare(params: LogitParams, rows: PairRows, shared: SharedInputs): PairComparison;
  /**
   * The same `chunk` rows of the matrix at a time; its accuracy is that among the first of them, in local form that of
   * all.
   */
  inChunks(chunk: number): ClipObjective;
  /** The same with a further term added to its loss. */
  plus(term: PairTerm): PairObjective;
}

/** A term that a loss of pairs may have beside its own, whole and in chunks. */
export interface PairTerm {
  readonly shared: ClipObjective["inputs"]["shared"];
  atOnce(pairs: ComparedPairs, shared: SharedInputs): Scalar;
  /** Without the matrix of all pairs. */
  inChunks(pairs: ComparedPairs, chunk: number, shared: SharedInputs): Scalar;
  /** Where ranks learn together; `shared` is of the pairs of all. Without it an objective has no local form. */
  local?(pairs: ComparedPairs, shared: SharedInputs): LocalTerm;
}

/** A loss of pairs, whole and in chunks, and what it needs. */
export interface PairLoss {
  readonly shared: ClipObjective["inputs"]["shared"];
  readonly bounds: Readonly<Record<string, Bounds>>;
  /** By all their logits. */
  atOnce(pairs: ComparedPairs, logits: Tensor, shared: SharedInputs): Scalar;
  /** Without the matrix of all logits. */
  inChunks(pairs: ComparedPairs, chunk: number, shared: SharedInputs): Scalar;
  /** Where ranks learn together; `shared` is of the pairs of all. Without it an objective has no local form. */
  local?(pairs: ComparedPairs, shared: SharedInputs): LocalTerm;
}

const metricsOf = (accuracy: Scalar, { logit_scale }: LogitParams): PairMetrics => ({
  accuracy,
  logitScale: reshape(clone(logit_scale), []),
});

/** The first `rows` pairs. */
function firstPairs(pairs: ComparedPairs, rows: number): ComparedPairs {
  const { imageFeatures, textFeatures } = pairs;
  const [batch = 0, joint = 0] = imageFeatures.shape;
  const size = [Math.min(rows, batch), joint];
  return {
    ...pairs,
    imageFeatures: slice(imageFeatures, [0, 0], size),
    textFeatures: slice(textFeatures, [0, 0], size),
  };
}

/** The local form of a loss and its terms, if all of them have one. */
function localForm(parts: readonly Pick<PairTerm, "local">[], chunk?: number): ClipObjective["local"] {
  if (parts.some(({ local }) => local === undefined)) return undefined;
  const comparisonOf = (
    params: LogitParams,
    { own, all: { image, text }, rank, size }: RankRows<PairRows>,
    shared: SharedInputs,
  ): [LocalPairs, LocalTerm[]] => {
    const pairs = comparePairs(params, own.image, own.text);
    const { scale, bias } = pairs;
    const all = { imageFeatures: image, textFeatures: text };
    const terms = parts.flatMap(({ local }) => local?.(pairs, shared) ?? []);
    return [{ own: pairs, all, rank, size, scale, bias, chunk }, terms];
  };
  return {
    sums: (params, rows, shared) => localSums(...comparisonOf(params, rows, shared)),
    compare: (params, rows, shared, sums) => ({
      loss: localLoss(...comparisonOf(params, rows, shared), sums),
      metrics: metricsOf(localAccuracy(sums), params),
    }),
  };
}

/** The objective of a model by a loss of its pairs, and further terms. */
export function pairObjective(config: ClipConfig, loss: PairLoss, terms: readonly PairTerm[] = []): PairObjective {
  const shared = [...loss.shared, ...terms.flatMap((term) => term.shared)];
  const withTerms = (own: Scalar, valueOf: (term: PairTerm) => Scalar): Scalar =>
    terms.reduce((sum, term) => add<Scalar>(sum, valueOf(term)), own);
  const common: Pick<ClipObjective, "inputs" | "encode" | "bounds" | "check" | "draws"> = {
    inputs: { pairs: pairInputs, shared, compared: ["logit_scale", "logit_bias"] },
    encode: encodePairs(config),
    bounds: loss.bounds,
    check: checkPixels,
    draws: (batch, stream, frozen) => drawPairInputs(config, batch, stream, frozen),
  };
  return {
    ...common,
    local: localForm([loss, ...terms]),
    compare(params, { image, text }, given) {
      const pairs = comparePairs(params, image, text);
      const logits = logitsOf(pairs);
      const own = loss.atOnce(pairs, logits, given);
      const metrics = metricsOf(matchingAccuracy(logits), params);
      return { loss: withTerms(own, (term) => term.atOnce(pairs, given)), metrics, logits };
    },
    inChunks: (chunk) => ({
      ...common,
      local: localForm([loss, ...terms], chunk),
      compare(params, { image, text }, given) {
        const pairs = comparePairs(params, image, text);
        const metrics = metricsOf(matchingAccuracy(logitsOf(firstPairs(pairs, chunk))), params);
        const own = loss.inChunks(pairs, chunk, given);
        return { loss: withTerms(own, (term) => term.inChunks(pairs, chunk, given)), metrics };
      },
    }),
    plus: (term) => pairObjective(config, loss, [...terms, term]),
  };
}
