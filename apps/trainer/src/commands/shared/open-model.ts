import type { StartedEngine } from "@clip-ts/engines";
import {
  atResolution,
  checkBatches,
  closing,
  describedClip,
  needTokenizer,
  type ModelDescription,
  type SelfCheckWhen,
} from "@clip-ts/inference";
import type { Clip, ClipConfig, Embedder } from "@clip-ts/model";
import { loadProved, openModel } from "@clip-ts/node";
import type { Precision } from "@clip-ts/tensorflow";
import { sameSize, shownSize, type ImageSize } from "@clip-ts/base";
import { hasOpenSide, pixelForm, visionTower } from "@clip-ts/vision-encoder";
import type { Arguments } from "../../cli/command.ts";
import { countOption, sizeOption } from "../../cli/options.ts";
import { note, onNotice } from "../../cli/output.ts";
import { startNamedEngine, weightsDtypeOf } from "../../cli/start-engine.ts";

/** A model ready for use; images go in preprocessed. */
export interface OpenModel {
  readonly description: ModelDescription;
  readonly engine: StartedEngine;
  readonly clip: Clip<Float32Array>;
}

/** A model's towers on an engine, whoever is to have them. */
export interface OpenTowers {
  readonly description: ModelDescription;
  readonly engine: StartedEngine;
  /** To be disposed. */
  readonly embedder: Embedder;
}

/**
 * Opens the model that the first word names, at `--image-size` if that is given. A model that cannot read text is
 * refused at once, before anything slow, unless only images go in. One that carries its proof is held against it on
 * first use on an engine and device, or as `--self-check` says; an engine that fails gives way to the next.
 */
export async function openTowers(
  args: Arguments,
  { readsTexts = true }: { readonly readsTexts?: boolean } = {},
): Promise<OpenTowers> {
  const [model = ""] = args.positionals;
  const stored = await openModel(model, { onNotice, dtype: weightsDtypeOf(args), language: args.text("language") });
  const imageSize = imageSizeOf(args);
  const opened = atResolution(stored, imageSize);
  if (readsTexts) needTokenizer(opened);
  checkBatches(opened, { maxTokens: maxTokensOf(args) });
  noteImageSize(stored.config, imageSize);
  const { engine, embedder } = await closing(opened, () =>
    loadProved(opened, {
      start: (refused) => startNamedEngine(args, refused),
      asked: (args.text("engine") ?? "auto") === "auto" ? undefined : "named",
      selfCheck: args.text("self-check") as SelfCheckWhen | undefined,
      precision: args.text("precision") as Precision | undefined,
      onNotice,
    }),
  );
  return { description: opened, engine, embedder };
}

/** Rows that batches of `size` are filled up to on an engine that compiles for every shape; undefined on others. */
export function filledRows({ engine }: Pick<OpenTowers, "engine">, size: number): number | undefined {
  const target = engine.compiler?.target;
  return target !== undefined && target.prefersOpenSizes !== true ? size : undefined;
}

/** Opens the model that the first word names, as `openTowers` does, for as long as `use` runs. */
export async function withModel<Result>(
  args: Arguments,
  use: (model: OpenModel) => Promise<Result>,
  options: { readonly readsTexts?: boolean } = {},
): Promise<Result> {
  const { description, engine, embedder } = await openTowers(args, options);
  return withClip({ description, embedder, maxTokens: maxTokensOf(args) }, (clip) =>
    use({ description, engine, clip }),
  );
}

/** A model's description, and its weights on an engine. */
interface ClipTowers extends Pick<OpenTowers, "description" | "embedder"> {
  /** Most patches of a batch of images. */
  readonly maxTokens?: number | undefined;
}

/**
 * Lends a model whose images come preprocessed, with the weights of an embedder, for as long as `use` runs. Takes the
 * embedder over.
 */
export async function withClip<Result>(
  { description, embedder, maxTokens }: ClipTowers,
  use: (clip: Clip<Float32Array>) => Promise<Result>,
): Promise<Result> {
  const clip = await describedClip<Float32Array>(description, {
    embedder,
    preprocess: (planes) => planes,
    maxTokens,
  });
  try {
    return await use(clip);
  } finally {
    clip.dispose();
  }
}

/** `--max-tokens`, or undefined. @throws UsageError unless it is a whole number. */
function maxTokensOf(args: Pick<Arguments, "text">): number | undefined {
  return countOption(args, "max-tokens");
}

/** `--image-size`, or undefined. @throws UsageError unless it is a whole number or HEIGHTxWIDTH. */
export function imageSizeOf(args: Pick<Arguments, "text">): ImageSize | undefined {
  return sizeOption(args, "image-size");
}

/** Says on stderr that a model is used at another size than its own. */
export function noteImageSize({ vision }: ClipConfig, imageSize: ImageSize | undefined): void {
  if (imageSize === undefined || sameSize(imageSize, vision.imageSize)) return;
  if (hasOpenSide(pixelForm(vision))) {
    return note(`opened for pictures of as many patches as one of ${shownSize(imageSize)} px has`);
  }
  const { computed } = visionTower(vision).positions(vision) ?? {};
  const how = computed === undefined ? "interpolated" : "computed";
  const [size, own] = [shownSize(imageSize), shownSize(vision.imageSize)];
  note(`opened for images of ${size} px instead of ${own} px: its positions are ${how}`);
}

/** Attention heads of both towers, for layouts that split weights by them; nothing where one has none. */
export function attentionHeads({ vision, text }: ClipConfig): {
  readonly heads?: { readonly vision: number; readonly text: number };
} {
  if (!("heads" in vision) || !("heads" in text)) return {};
  return { heads: { vision: vision.heads, text: text.heads } };
}
