import type { BytesPlace, Texts, TextsPlace } from "./shard-set.ts";

/** Reads bytes wherever they lie. */
export type ReadBytes = (place: BytesPlace) => Promise<Uint8Array>;

/** Text of any bytes: what is no UTF-8 becomes U+FFFD, as Python's `errors="replace"` has it. */
const lenient = new TextDecoder("utf-8", { fatal: false });

/** The texts of a JSON file at the first level, each under `json.NAME`; numbers and the like are none. */
function textsOfJson(text: string, ending: string): Texts {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const texts = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(texts.map(([name, said]) => [`${ending}.${name}`, said]));
}

/**
 * Everything that is said of a sample. A JSON file that cannot be parsed says nothing.
 * Rejects when bytes cannot be read.
 */
export async function readTexts(place: TextsPlace, read: ReadBytes): Promise<Texts> {
  if ("texts" in place) return place.texts;
  const found: Record<string, string> = {};
  for (const { ending, place: where } of place.files) {
    const text = lenient.decode(await read(where));
    if (!/(^|\.)json$/.test(ending)) {
      found[ending] = text;
      continue;
    }
    try {
      Object.assign(found, textsOfJson(text, ending));
    } catch {
      continue; // the sample may have other texts; one without any is reported
    }
  }
  return found;
}
