import type { FeatureRows } from "@clip-ts/core";
import {
  embedLabels,
  embedReadable,
  type AnyIterable,
  type Clip,
  type EmbedReadableOptions,
  type ImageJob,
  type SkippedJob,
} from "@clip-ts/model";
import { nearestClasses } from "../class-rows.ts";
import type { LabelledRows } from "../probe-sweep.ts";
import {
  confusionMatrix,
  evaluateZeroShot,
  type ClassScore,
  type ConfusionMatrix,
  type ZeroShotScores,
} from "../zero-shot-scores.ts";

/** The same items; each is noted when it is taken. */
export async function* noted<Item>(items: AnyIterable<Item>, note: (item: Item) => void): AsyncGenerator<Item> {
  for await (const item of items) {
    note(item);
    yield item;
  }
}

/** A class and the images that show it, read when their turn comes. */
export interface ImageClass<Image> {
  readonly name: string;
  readonly images: AnyIterable<ImageJob<Image>>;
}

/** Image features with the class of every row. */
export interface EmbeddedClasses extends LabelledRows {
  /** Row → place of its class among the names. */
  readonly labels: readonly number[];
  /** Of the classes, those without a readable image among them. */
  readonly names: readonly string[];
  readonly skipped: readonly SkippedJob[];
}

async function* labelled<Image>(
  classes: readonly ImageClass<Image>[],
  labels: number[],
): AsyncGenerator<ImageJob<Image>> {
  for (const [label, { images }] of classes.entries()) {
    for await (const image of images) {
      labels.push(label);
      yield image;
    }
  }
}

/**
 * Embeds the images of classes, class by class, and leaves out those that cannot be read. Borrows the model.
 * @throws ClipError "bad-data" if none can.
 */
export async function embedClasses<Image>(
  clip: Pick<Clip<Image>, "embedImages">,
  classes: readonly ImageClass<Image>[],
  options: EmbedReadableOptions = {},
): Promise<EmbeddedClasses> {
  const all: number[] = [];
  const { features, kept, skipped } = await embedReadable(clip, labelled(classes, all), options);
  const labels = kept.map((place) => all[place] as number);
  return { features, labels, names: classes.map(({ name }) => name), skipped };
}

/** Accuracy on one class, by its name. */
export interface NamedClassScore extends ClassScore {
  readonly name: string;
}

/** The rows that were compared and how often the right class was nearest. */
export interface ZeroShotResult {
  readonly scores: Omit<ZeroShotScores, "perClass">;
  /** In the order of the classes. */
  readonly perClass: readonly NamedClassScore[];
  readonly images: EmbeddedClasses;
  /** Unit rows [classes, joint], each the mean of its prompts. */
  readonly classifier: FeatureRows;
}

/**
 * Names the class of every image by the highest cosine with the classes' prompts, as CLIP is evaluated
 * (Radford et al. 2021, arXiv:2103.00020, section 3.1). Templates say where a name goes: "a photo of a {}".
 * Images that cannot be read are left out. Borrows the model.
 * @throws ClipError "bad-data" if no image can be read, "bad-argument" without classes or templates.
 */
export async function zeroShot<Image>(
  clip: Pick<Clip<Image>, "config" | "embedImages" | "embedTexts">,
  classes: readonly ImageClass<Image>[],
  templates: readonly string[],
  options: EmbedReadableOptions = {},
): Promise<ZeroShotResult> {
  const names = classes.map(({ name }) => name);
  const classifier = await embedLabels(clip, names, templates);
  const images = await embedClasses(clip, classes, options);
  const { perClass, ...scores } = evaluateZeroShot(images.features, classifier, images.labels);
  const named = perClass.map((score, row) => ({ name: names[row] as string, ...score }));
  return { scores, perClass: named, images, classifier };
}

/** Which class was taken for which, by the score that is highest on tfjs's engine. */
export async function zeroShotConfusion({
  images: { features, labels, names },
  classifier,
}: Pick<ZeroShotResult, "images" | "classifier">): Promise<ConfusionMatrix> {
  return confusionMatrix(await nearestClasses(features, classifier), labels, names.length);
}
