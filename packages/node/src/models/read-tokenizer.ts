import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { openTokenizer, type ReadTokenizerFile, type Tokenizer } from "@clip-ts/tokenizer";
import { isHubReference } from "../hub/hub-reference.ts";
import { resolveModel } from "./locate-model.ts";
import { isFile, tokenizerFiles } from "./model-files.ts";

/** Reads a folder's files; where one of them is another file, that one. */
function readIn(folder: string, others: Readonly<Record<string, string>> = {}): ReadTokenizerFile {
  return async (name) => {
    const path = others[name] ?? join(folder, name);
    return existsSync(path) ? readFile(path, "utf8") : undefined;
  };
}

const none: ReadTokenizerFile = () => Promise.resolve(undefined);

/** The tokenizer of a model, from its folder's files where it is not CLIP's. `place` may be a file. */
export async function readTokenizer(
  place: string,
  { text }: Pick<ClipConfig, "text">,
): Promise<{ readonly tokenizer?: Tokenizer }> {
  const tokenizer = await openTokenizer(text, isFile(place) ? none : readIn(place));
  return tokenizer === undefined ? {} : { tokenizer };
}

/** What reads the files of a tokenizer by itself. */
async function readerOf(tokenizer: string): Promise<ReadTokenizerFile> {
  if (isHubReference(tokenizer)) return readIn(await resolveModel(tokenizer));
  const path = resolve(tokenizer);
  if (!isFile(path)) return readIn(path);
  const isNamed = tokenizerFiles.includes(basename(path));
  return readIn(dirname(path), isNamed ? {} : { "tokenizer.json": path });
}

/**
 * Opens a tokenizer by itself for a text tower that is not CLIP's: a folder with `tokenizer.json` (or
 * RoBERTa's `vocab.json` and `merges.txt`), one of those files, or `hf:owner/name`.
 * @throws ClipError "not-found" that says what was looked for.
 */
export async function readTokenizerAlone(
  place: string,
  { text }: ClipConfig,
): Promise<{ readonly tokenizer: Tokenizer }> {
  const tokenizer = await openTokenizer(text, await readerOf(place));
  if (tokenizer !== undefined) return { tokenizer };
  throw new ClipError(
    "not-found",
    `There is no tokenizer in ${place}: expected a folder with tokenizer.json (or vocab.json and merges.txt), or that file.`,
    { data: { place } },
  );
}
