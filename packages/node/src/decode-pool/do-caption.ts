import { ClipError, randomStream } from "@clip-ts/base";
import { chooseCaption, readTexts, type CaptionChoice, type CaptionJob, type ReadCaption } from "@clip-ts/data";
import type { Tokenizer } from "@clip-ts/tokenizer";
import { bytesAt } from "./do-image.ts";
import type { RangeReader } from "./read-range.ts";

/** What captions are read with. */
export interface CaptionTools {
  readonly tokenizer: Tokenizer;
  readonly captions: CaptionChoice | undefined;
  readonly seed: number;
  readonly reader: RangeReader;
}

/**
 * Reads what is said of a sample, chooses its caption and makes that into ids.
 * @throws ClipError "bad-data" for a sample without a caption, or what reading throws.
 */
export async function doCaption(
  { texts: place, key, random }: CaptionJob,
  { tokenizer, captions, seed, reader }: CaptionTools,
): Promise<ReadCaption> {
  const texts = await readTexts(place, async (where) => bytesAt(where, reader));
  const caption = chooseCaption(texts, captions, randomStream(seed, ...random));
  if (caption !== undefined) return { caption, ids: Int32Array.from(tokenizer.encode(caption)) };
  const names = Object.keys(texts);
  const wanted = captions === undefined ? "" : ` of the names ${Object.keys(captions).join(", ")}`;
  const had = names.length === 0 ? "no texts" : `texts ${names.join(", ")}`;
  throw new ClipError("bad-data", `${key} has no caption${wanted}: it has ${had}`, { data: { key, names } });
}
