import type { FeatureRows } from "@clip-ts/core";
import {
  embedReadable,
  type AnyIterable,
  type Clip,
  type EmbedReadableOptions,
  type ImageJob,
  type SkippedJob,
} from "@clip-ts/model";
import { diagnose, type EmbeddingDiagnostics } from "../diagnostics.ts";
import { pickRows } from "../class-rows.ts";
import { pairLoss, type PairLossOptions } from "../pair-loss.ts";
import { evaluateRetrieval, retrievalByChance, type RetrievalReport } from "../retrieval.ts";
import { noted } from "./zero-shot.ts";

/** An image that is read when its turn comes, and what is said about it: at least one caption. */
export interface CaptionedImage<Image> extends ImageJob<Image> {
  readonly captions: readonly string[];
}

/** Which texts are searched, and how images are embedded. */
export interface RetrievalOptions extends EmbedReadableOptions {
  /** Texts of an image: all its captions, or the first alone; all by default. */
  readonly captions?: "first" | "all";
}

/** The rows that were searched and how well they were found. */
export interface RetrievalResult {
  readonly report: RetrievalReport;
  /** What a random order would reach. */
  readonly chance: RetrievalReport;
  /** Mean of both ways' recall at 1: one number to follow a training by. */
  readonly meanRecallAt1: number;
  /** Unit rows [images, joint] of the images that could be read. */
  readonly images: FeatureRows;
  /** Unit rows [texts, joint], image by image. */
  readonly texts: FeatureRows;
  /** The row of the image that each text describes. */
  readonly imageOfText: readonly number[];
  /** Place in the source of each image's row. */
  readonly kept: readonly number[];
  readonly skipped: readonly SkippedJob[];
}

/**
 * Embeds images and their captions and searches each side by the other. Images that cannot be read are
 * left out with their captions. Borrows the model.
 * @throws ClipError "bad-data" if no image can be read, "bad-argument" if one has no caption.
 */
export async function retrieval<Image>(
  clip: Pick<Clip<Image>, "embedImages" | "embedTexts">,
  pairs: AnyIterable<CaptionedImage<Image>>,
  { captions = "all", ...options }: RetrievalOptions = {},
): Promise<RetrievalResult> {
  const said: (readonly string[])[] = [];
  const jobs = noted(pairs, (pair) => said.push(pair.captions));
  const { features: images, kept, skipped } = await embedReadable(clip, jobs, options);
  const linked = kept.flatMap((place, image) => {
    const all = said[place] ?? [];
    return (captions === "all" ? all : all.slice(0, 1)).map((text) => ({ text, image }));
  });
  const texts = await clip.embedTexts(linked.map(({ text }) => text));
  const imageOfText = linked.map(({ image }) => image);
  const report = evaluateRetrieval(images, texts, imageOfText);
  const chance = retrievalByChance(images.rows, imageOfText);
  const meanRecallAt1 = (report.imageToText.recallAt1 + report.textToImage.recallAt1) / 2;
  return { report, chance, meanRecallAt1, images, texts, imageOfText, kept, skipped };
}

type Searched = Pick<RetrievalResult, "images" | "texts" | "imageOfText">;

/** Every image's first caption, in the order of images. */
function firstTexts({ images, texts, imageOfText }: Searched): FeatureRows {
  const firsts = new Map<number, number>();
  for (const [text, image] of imageOfText.entries()) if (!firsts.has(image)) firsts.set(image, text);
  return pickRows(
    texts,
    Array.from({ length: images.rows }, (_, image) => firsts.get(image) ?? -1),
  );
}

/**
 * The geometry of what was searched: of every image and its first caption.
 * @throws ClipError "bad-argument" if there are fewer than two images.
 */
export function pairDiagnostics(searched: Searched): EmbeddingDiagnostics {
  return diagnose(searched.images, firstTexts(searched));
}

/** The loss of what was searched, as `pairLoss`: of every image and its first caption. */
export function retrievalLoss(searched: Searched, options: PairLossOptions): number {
  return pairLoss(searched.images, firstTexts(searched), options);
}
