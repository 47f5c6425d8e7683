import type { Clip } from "@clip-ts/model";
import type { StartedEngine } from "@clip-ts/engines";
import { loadEmbedder, needTokenizer, type ModelDescription } from "@clip-ts/inference";
import { openModel } from "@clip-ts/node";
import { atResolution, closing } from "@clip-ts/inference";
import { onNotice } from "../../cli/notice.ts";
import type { Arguments } from "../../cli/command.ts";
import { withClip } from "../../evaluation/with-clip.ts";
import { imageSizeOf, noteImageSize } from "./image-size.ts";
import { startNamedEngine } from "./start-engine.ts";

/** A model ready for use; images go in preprocessed. */
export interface OpenModel {
  readonly description: ModelDescription;
  readonly engine: StartedEngine;
  readonly clip: Clip<Float32Array>;
}

/**
 * Opens the model that the first word names for as long as `use` runs, at `--image-size` if that is given. A model that cannot read text is
 * refused at once, before anything slow, unless only images go in.
 */
export async function withModel<Result>(
  args: Arguments,
  use: (model: OpenModel) => Promise<Result>,
  { readsTexts = true }: { readonly readsTexts?: boolean } = {},
): Promise<Result> {
  const [model = ""] = args.positionals;
  const stored = await openModel(model, { onNotice });
  const imageSize = imageSizeOf(args);
  const opened = atResolution(stored, imageSize);
  if (readsTexts) needTokenizer(opened);
  noteImageSize(stored.config, imageSize);
  const engine = await startNamedEngine(args);
  const embedder = await closing(opened, () => loadEmbedder(opened, engine.compiler));
  return withClip(opened, embedder, (clip) => use({ description: opened, engine, clip }));
}
