import {
  embedReadable,
  type AnyIterable,
  type Clip,
  type EmbedReadableOptions,
  type ImageJob,
  type SkippedJob,
} from "@clip-ts/model";
import type { LabelledRows } from "../probe-sweep.ts";

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
