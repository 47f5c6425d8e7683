import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { readJson, withFileLock, writeJson } from "@clip-ts/files";
import type { Embedded } from "./request.ts";

/** What `embedding.json` says of the features in a folder. */
export interface EmbeddingDescription {
  readonly format: 1;
  readonly model: { readonly name: string; readonly sha256: string };
  /** Values of a row. */
  readonly dim: number;
  readonly what: Embedded;
  readonly data: { readonly label: string; readonly fingerprint: string; readonly samples: number };
  /** What else decides the rows' bits. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Names and numbers of samples, in the set's order. */
  readonly shards: readonly (readonly [name: string, samples: number])[];
}

/** Where a folder says what its features are. */
const descriptionPath = (folder: string): string => join(folder, "embedding.json");

const short = (hash: string): string => hash.slice(0, 12);

/** What differs, each by its name. */
function differencesOf(stored: EmbeddingDescription, wanted: EmbeddingDescription): string[] {
  const said: string[] = [];
  const compare = (name: string, before: unknown, now: unknown, hint = ""): void => {
    if (before !== now) said.push(`${name} was ${String(before)}, is ${String(now)}${hint}`);
  };
  const model = ({ name, sha256 }: EmbeddingDescription["model"]): string => `${name} (${short(sha256)})`;
  if (stored.model.sha256 !== wanted.model.sha256) compare("the model", model(stored.model), model(wanted.model));
  const data = ({ label, fingerprint, samples }: EmbeddingDescription["data"]): string =>
    `${label} of ${samples} samples (${short(fingerprint)})`;
  if (stored.data.fingerprint !== wanted.data.fingerprint) compare("the data", data(stored.data), data(wanted.data));
  compare("--what", stored.what, wanted.what);
  compare("dim", stored.dim, wanted.dim);
  for (const name of new Set([...Object.keys(stored.settings), ...Object.keys(wanted.settings)])) {
    compare(`--${name}`, stored.settings[name] ?? "absent", wanted.settings[name] ?? "absent");
  }
  return said;
}

/** The description in a folder. @throws ClipError "not-found" for a folder without one, "bad-data" for another kind. */
export async function readEmbedding(folder: string): Promise<EmbeddingDescription> {
  const found = (await readJson(descriptionPath(folder))) as Partial<EmbeddingDescription> | null;
  if (found?.format === 1 && Array.isArray(found.shards)) return found as EmbeddingDescription;
  throw new ClipError("bad-data", `${descriptionPath(folder)} is not what embed of this version writes.`);
}

/**
 * Makes sure that a folder's features are of this model, these samples and these settings; a folder that is new gets
 * the description. Parts may begin at once.
 * @throws ClipError "bad-config" naming what is another.
 */
export async function claimFolder(folder: string, wanted: EmbeddingDescription): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = descriptionPath(folder);
  const wait = { patience: 10_000, signOfLife: () => Promise.resolve(undefined) };
  await withFileLock(join(folder, ".embedding.lock"), wait, async () => {
    if (!existsSync(path)) await writeJson(path, wanted);
  });
  const differences = differencesOf(await readEmbedding(folder), wanted);
  if (differences.length === 0) return;
  throw new ClipError(
    "bad-config",
    `${folder} holds features of another kind:\n${differences.map((line) => `  ${line}`).join("\n")}\n` +
      "  Go on with what it was begun with, or give another folder.",
    { data: { folder, differences } },
  );
}
