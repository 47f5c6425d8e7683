import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipError, shown } from "@clip-ts/base";
import { readConfigFile } from "./load-config.ts";
import type { RunConfig } from "./schema.ts";

/** One setting of a run that goes on with another value. */
export interface ChangedSetting {
  /** Its place in the config, such as `checkpoint.every`. */
  readonly key: string;
  /** Absent where one of the configs does not have it. */
  readonly from?: unknown;
  readonly to?: unknown;
}

/** What a run goes on with. */
export interface ResumedConfig {
  readonly config: RunConfig;
  readonly changes: readonly ChangedSetting[];
}

/** Settings that do not change what the steps to come compute, themselves or by their first names. */
const free = new Set([
  "run",
  "steps",
  "checkpoint",
  "logEvery",
  "data.prefetch",
  "data.maxSkipped",
  "tensorboard",
  "evaluate",
  "earlyStopping",
  "engine",
  "device",
  "threads",
]);

/** Where data and models lie: may change as long as they are the same data and models. */
const places = new Set([
  "data.train.path",
  "model.from",
  "model.config",
  "model.vision",
  "model.text",
  "model.tokenizer",
  "distill.from",
]);

function isFree(key: string): boolean {
  const names = key.split(".");
  return places.has(key) || names.some((_, index) => free.has(names.slice(0, index + 1).join(".")));
}

type Settings = ReadonlyMap<string, unknown>;

/** Every value of a config by its place; a list is one value. */
function settingsOf(value: unknown, key = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[key, value]];
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .flatMap(([name, inner]) => settingsOf(inner, key === "" ? name : `${key}.${name}`));
}

function differences(recorded: Settings, given: Settings): ChangedSetting[] {
  const keys = [...new Set([...recorded.keys(), ...given.keys()])];
  return keys
    .map((key) => ({ key, from: recorded.get(key), to: given.get(key) }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
}

const orAbsent = (value: unknown): string => (value === undefined ? "absent" : shown(value));

/** A setting's old and new value in words. */
export function describeChange({ key, from, to }: ChangedSetting): string {
  return `${key}: ${orAbsent(from)} -> ${orAbsent(to)}`;
}

/**
 * The config that a run goes on with: the recorded one, with those of the given settings that may change.
 * Without a record (`config.yaml` was removed) it is the given one.
 * @throws ClipError "bad-config" naming every setting that would change what the run computes.
 */
export async function resumedConfig(given: RunConfig): Promise<ResumedConfig> {
  const path = join(given.run, "config.yaml");
  if (!existsSync(path)) return { config: given, changes: [] };
  const recorded = await readConfigFile(path);
  const changes = differences(new Map(settingsOf(recorded)), new Map(settingsOf(given))).filter(
    ({ key }) => key !== "run",
  );
  const refused = changes.filter(({ key }) => !isFree(key));
  if (refused.length === 0) return { config: given, changes };
  throw new ClipError(
    "bad-config",
    `${given.run} was begun with other settings, and --resume goes on with those (${path}):\n` +
      `${refused.map((change) => `  ${describeChange(change)}`).join("\n")}\n` +
      "  Leave these as they were, or begin another run from this one's weights: " +
      `"model.from: ${given.run}" with another "run" and without --resume.`,
    { data: { run: given.run, refused } },
  );
}
