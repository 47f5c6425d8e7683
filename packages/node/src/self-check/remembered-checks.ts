import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { selfCheckFile } from "@clip-ts/base";
import { readJson, writeFileWhole } from "@clip-ts/files";
import type { CheckPrecision, Model } from "@clip-ts/inference";
import { modelFilesIn } from "../hash-model.ts";
import { cachePlace } from "../remote/remote-options.ts";
import { version } from "./version.ts";

/** What passed a check: a model's files as they lie there, on an engine. */
export interface PassedCheck {
  readonly model: Pick<Model, "place" | "config">;
  readonly engine: { readonly name: string; readonly detail?: string };
  readonly precision: CheckPrecision;
}

/** Checks that are remembered; the oldest are forgotten, and done again. */
const most = 500;

/** The user's cache of checks that passed: their keys, newest last. */
const checksFile = (): string => cachePlace("self-checks.json");

/** Size and time of every file that the result depends on; weights are not read for it. */
async function factsOf(folder: string): Promise<string[]> {
  const proof = existsSync(join(folder, selfCheckFile)) ? [selfCheckFile] : [];
  const names = [...proof, ...(await modelFilesIn(folder))].toSorted();
  const facts = names.map(async (name) => {
    const { size, mtimeMs } = await stat(join(folder, name));
    return `${name} ${size} ${mtimeMs}`;
  });
  return Promise.all(facts);
}

/**
 * What a check that passed is remembered by: the files' place, sizes and times, the engine with version and device,
 * its precision and the version of clip-ts. Undefined for a model with a tower of somebody's own, whose code may
 * change unseen.
 */
export async function checkKey({ model, engine, precision }: PassedCheck): Promise<string | undefined> {
  const { vision, text } = model.config;
  if (vision.kind === "own" || text.kind === "own") return undefined;
  const { name, detail } = engine;
  const { arch, platform } = process;
  const files = await factsOf(model.place);
  const facts = [model.place, files, name, detail, precision, vision.imageSize, arch, platform, version];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

async function readKeys(): Promise<readonly string[]> {
  try {
    const keys: unknown = await readJson(checksFile());
    return Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [];
  } catch {
    return []; // damaged or unreadable: it is a cache, and what it lacks is checked again
  }
}

/** Whether a check with this key passed before. */
export async function isRemembered(key: string): Promise<boolean> {
  return (await readKeys()).includes(key);
}

/**
 * Remembers a check that passed. Where nothing can be written it is done again the next time; where two processes
 * write at once, one of the two is.
 */
export async function rememberCheck(key: string): Promise<void> {
  const file = checksFile();
  try {
    await mkdir(dirname(file), { recursive: true });
    const keys = (await readKeys()).filter((known) => known !== key);
    await writeFileWhole(file, JSON.stringify([...keys.slice(1 - most), key]));
  } catch {
    // a home that cannot be written to
  }
}
