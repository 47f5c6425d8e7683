import type { FeatureRows } from "@clip-ts/core";
import { embedLabels, type Clip, type EmbedReadableOptions } from "@clip-ts/model";
import { confusionMatrix, type ConfusionMatrix } from "../confusion-matrix.ts";
import { nearestClasses } from "../nearest-classes.ts";
import { evaluateZeroShot, type ClassScore, type ZeroShotScores } from "../zero-shot-scores.ts";
import { embedClasses, type EmbeddedClasses, type ImageClass } from "./embed-classes.ts";

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

/** Which class was taken for which, by the product that is highest on tfjs's engine. */
export async function zeroShotConfusion({
  images: { features, labels, names },
  classifier,
}: Pick<ZeroShotResult, "images" | "classifier">): Promise<ConfusionMatrix> {
  return confusionMatrix(await nearestClasses(features, classifier), labels, names.length);
}
