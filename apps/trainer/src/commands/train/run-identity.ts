import { createHash, type Hash } from "node:crypto";
import { open, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ClipError, isModelFile } from "@clip-ts/base";
import type { PairSource } from "@clip-ts/data";
import { readCheckpointState, resolveModel } from "@clip-ts/node";
import type { IdentityOptions } from "../../config/options.ts";
import { countSamples, type OpenShards } from "../../config/open-shards.ts";

/** What a run learns from, told apart from anything else of the same settings. */
export interface RunIdentity {
  readonly data: {
    /** Pairs, or bytes of a file of tensors. */
    readonly count: number;
    /** Of every pair's name and captions, of shards' names and counts, or of the file's beginning. */
    readonly sha256: string;
    /** Of shards: where they lie, and the fingerprint that they have there. */
    readonly shards?: { readonly place: string; readonly fingerprint: string };
  };
  /** Of the files of each model that the run goes on needing, by the setting that names it. */
  readonly models: Readonly<Record<string, string>>;
}

/** Beginnings of files are enough to tell models apart: names, shapes and the first weights. */
const beginning = 2 ** 20;

/** Weights and their like; all other files of a model are small descriptions. */
const isWeights = (name: string): boolean => /\.(safetensors|bin|pt|npz)$/u.test(name);

async function addFile(hash: Hash, path: string, name: string): Promise<number> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(beginning), 0, beginning, 0);
    hash.update(`${name}\0${size}\0`).update(buffer.subarray(0, bytesRead));
    return size;
  } finally {
    await handle.close();
  }
}

async function identifyModel(place: string, withWeights: boolean): Promise<string> {
  const path = await resolveModel(place);
  const hash = createHash("sha256");
  if ((await stat(path)).isFile()) {
    await addFile(hash, path, basename(path));
    return hash.digest("hex");
  }
  const names = (await readdir(path)).filter((name) => isModelFile(name) && (withWeights || !isWeights(name)));
  for (const name of names.toSorted()) await addFile(hash, join(path, name), name);
  return hash.digest("hex");
}

/**
 * The models that a run reads again when it goes on. Of those that it only began from, the description
 * matters; weights of a teacher, and those under adapters, are read each time.
 */
function modelsOf(options: IdentityOptions): readonly (readonly [string, string, boolean])[] {
  const { from, config, vision, text, teacher, hasAdapters } = options;
  const places = [
    ["model.from", from, hasAdapters],
    ["model.config", config, false],
    ["model.vision", hasAdapters ? vision : undefined, true],
    ["model.text", hasAdapters ? text : undefined, true],
    ["distill.from", teacher, true],
  ] as const;
  return places.flatMap(([key, place, withWeights]) =>
    place === undefined ? [] : [[key, place, withWeights] as const],
  );
}

function identifySource(source: PairSource | OpenShards): RunIdentity["data"] {
  if ("groups" in source) {
    const { label: place, contents: sha256, fingerprint } = source;
    return { count: countSamples(source), sha256, shards: { place, fingerprint } };
  }
  const { records } = source;
  const hash = createHash("sha256");
  for (const { key, captions } of records) hash.update(`${key}\0${captions.join("\0")}\n`);
  return { count: records.length, sha256: hash.digest("hex") };
}

/** Identifies what a run reads; `source` is its pairs, absent for a file of tensors. */
export async function identifyRun(
  options: IdentityOptions,
  source: PairSource | OpenShards | undefined,
): Promise<RunIdentity> {
  const { train } = options;
  const models: Record<string, string> = {};
  for (const [key, place, withWeights] of modelsOf(options)) {
    models[key] = await identifyModel(place, withWeights);
  }
  if (source !== undefined) return { data: identifySource(source), models };
  if (train.kind !== "tensors") throw new TypeError("a source of pairs is identified by its pairs");
  const hash = createHash("sha256");
  const count = await addFile(hash, train.path, "tensors");
  return { data: { count, sha256: hash.digest("hex") }, models };
}

const short = (sha256: string): string => sha256.slice(0, 12);

/** Shards that lie where they did and are others now. Elsewhere their times say nothing: a copy has its own. */
function changedInPlace(stored: RunIdentity["data"], found: RunIdentity["data"]): string[] {
  const [before, now] = [stored.shards, found.shards];
  if (before === undefined || now === undefined || before.place !== now.place) return [];
  if (before.fingerprint === now.fingerprint) return [];
  const fingerprints = `fingerprint ${short(now.fingerprint)}, not ${short(before.fingerprint)}`;
  return [`shards of data.train were written again since (${fingerprints}), though as many samples are in them`];
}

function dataDifferences(stored: RunIdentity["data"], found: RunIdentity["data"]): string[] {
  const fingerprints = `(fingerprint ${short(found.sha256)}, not ${short(stored.sha256)})`;
  if (stored.count !== found.count) {
    return [`data.train has a size of ${found.count}, not ${stored.count} ${fingerprints}`];
  }
  if (stored.sha256 === found.sha256) return changedInPlace(stored, found);
  return [`data.train is of the same size, but its names or captions differ ${fingerprints}`];
}

function differencesOf(stored: RunIdentity, found: RunIdentity): string[] {
  const models = Object.entries(found.models).flatMap(([key, sha256]) => {
    const known = stored.models[key];
    return known === undefined || known === sha256 ? [] : [`${key} is another model`];
  });
  return [...dataDifferences(stored.data, found.data), ...models];
}

/** A place in the data means nothing to batches of another size. */
function otherBatch(run: string, stored: number, found: number): ClipError {
  return new ClipError(
    "bad-config",
    `${run} was begun with ${stored} pairs a step, and now there are ${found}: bring back "data.batchSize" x ` +
      `"accumulate" as it was. It counts the pairs of all ranks, of which there may be another number.`,
    { data: { run, stored, found } },
  );
}

/**
 * Makes sure that a run goes on with the data and models it began with, and as many pairs a step; one whose
 * checkpoint says nothing of them goes on as it is.
 * @throws ClipError "bad-config" naming what is another.
 */
export async function checkStoredIdentity(
  run: string,
  checkpoint: string,
  { identity: found, globalBatch }: { readonly identity: RunIdentity; readonly globalBatch: number },
): Promise<void> {
  const { identity, globalBatch: stored = globalBatch } = await readCheckpointState(checkpoint);
  if (stored !== globalBatch) throw otherBatch(run, Number(stored), globalBatch);
  if (identity === undefined) return;
  const differences = differencesOf(identity as RunIdentity, found);
  if (differences.length === 0) return;
  throw new ClipError(
    "bad-config",
    `${run} was begun with other data or models:\n` +
      `${differences.map((difference) => `  ${difference}.`).join("\n")}\n` +
      "  Put back what it began with, or begin another run from this one's weights: " +
      `"model.from: ${run}" with another "run" and without --resume.`,
    { data: { run, differences } },
  );
}
