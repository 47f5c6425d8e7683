import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClipConfig } from "@clip-ts/model";
import { openTokenizer, type Tokenizer } from "@clip-ts/tokenizer";
import { isFile } from "./model-files.ts";

/** The tokenizer of a model, from its folder's files where it is not CLIP's. `place` may be a file. */
export async function readTokenizer(
  place: string,
  { text }: ClipConfig,
): Promise<{ readonly tokenizer?: Tokenizer }> {
  const read = async (name: string): Promise<string | undefined> => {
    const path = join(place, name);
    return isFile(place) || !existsSync(path) ? undefined : readFile(path, "utf8");
  };
  const tokenizer = await openTokenizer(text, read);
  return tokenizer === undefined ? {} : { tokenizer };
}
