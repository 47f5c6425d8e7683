import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { retrieval, type RetrievalReport } from "@clip-ts/evaluation";
import type { Clip, FeatureRows } from "@clip-ts/model";
import type { StartedEngine } from "@clip-ts/engines";
import { closing, loadEmbedder, needTokenizer } from "@clip-ts/inference";
import { openModel } from "@clip-ts/node";
import { captionedImages, limitSkipped, withClip } from "@clip-ts/trainer/training";
import { openEmoji } from "../emoji/definition.ts";

/** The vendor whose drawings training never sees. */
const heldOutVendor = "fluent";

/** A drawing that was never trained on. */
export interface Drawing {
  readonly name: string;
  /** The emoji itself, for terminals. */
  readonly glyph: string;
  readonly path: string;
}

/** Held-out drawings and their names, embedded, with how well they find each other. */
export interface HeldOut {
  readonly clip: Pick<Clip<never>, "embedTexts">;
  readonly drawings: readonly Drawing[];
  readonly images: FeatureRows;
  readonly names: FeatureRows;
  readonly report: RetrievalReport;
}

function glyphOf(path: string): string {
  const codes = basename(path, extname(path)).split("-");
  return String.fromCodePoint(...codes.map((code) => Number.parseInt(code, 16)));
}

/** Embeds every held-out drawing and its name with a trained model, for as long as `use` runs. */
export async function withHeldOut(
  name: string,
  engine: StartedEngine,
  use: (heldOut: HeldOut) => Promise<void>,
): Promise<void> {
  const model = await openModel(name);
  needTokenizer(model);
  const source = await openEmoji({ kind: "emoji", vendors: [heldOutVendor], locales: ["en"] });
  const drawings = source.records.map(({ captions: [name = ""], path = "" }) => ({
    name,
    path,
    glyph: glyphOf(path),
  }));
  const pairs = captionedImages(source, model.preprocess);
  const onSkip = limitSkipped(source.label, pairs.length, 0); // rows are the drawings, one by one
  const embedder = await closing(model, () => loadEmbedder(model, engine.compiler));
  await withClip({ description: model, embedder }, async (clip) => {
    const found = await retrieval(clip, pairs, { captions: "first", onSkip });
    const { images, texts: names, report } = found;
    await use({ clip, drawings, images, names, report });
  });
}

/** The drawing's file as a data URI, for a page that stands alone. */
export async function dataUri(path: string): Promise<string> {
  const bytes = await readFile(path);
  return `data:image/${extname(path).slice(1)};base64,${bytes.toString("base64")}`;
}
