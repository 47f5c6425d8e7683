import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { preprocessInTurns } from "@clip-ts/image";
import { evaluateRetrieval, type RetrievalReport } from "@clip-ts/evaluation";
import { createClip, type Clip, type FeatureRows } from "@clip-ts/model";
import type { PairRecord } from "@clip-ts/data";
import { describeModel, loadEmbedder, needTokenizer, type StartedEngine } from "@clip-ts/node";
import { openSource } from "../config/sources.ts";

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
  readonly clip: Clip<PairRecord>;
  readonly drawings: readonly Drawing[];
  readonly images: FeatureRows;
  readonly names: FeatureRows;
  readonly report: RetrievalReport;
}

function glyphOf(path: string): string {
  const codes = basename(path, extname(path)).split("-");
  return String.fromCodePoint(...codes.map((code) => Number.parseInt(code, 16)));
}

/** Embeds every held-out drawing and its name with a trained model. */
export async function embedHeldOut(model: string, engine: StartedEngine): Promise<HeldOut> {
  const description = await describeModel(model);
  const tokenizer = needTokenizer(description);
  const clip = await createClip<PairRecord>({
    config: description.config,
    model: await loadEmbedder(model, description.config, engine),
    tokenize: (texts) => tokenizer.encodeBatch(texts, { multiple: 8 }),
    preprocess: async (record) =>
      preprocessInTurns(await record.loadImage(), description.preprocess),
  });
  const { records } = await openSource(
    { kind: "emoji", vendors: [heldOutVendor], locales: ["en"] },
    0,
  );
  const drawings = records.map(({ captions: [name = ""], path = "" }) => ({
    name,
    path,
    glyph: glyphOf(path),
  }));
  const images = await clip.embedImages(records);
  const names = await clip.embedTexts(drawings.map(({ name }) => name));
  const report = evaluateRetrieval(
    images,
    names,
    drawings.map((_, index) => index),
  );
  return { clip, drawings, images, names, report };
}

/** The drawing's file as a data URI, for a page that stands alone. */
export async function dataUri(path: string): Promise<string> {
  const bytes = await readFile(path);
  return `data:image/${extname(path).slice(1)};base64,${bytes.toString("base64")}`;
}
