import { existsSync } from "node:fs";
import { join } from "node:path";
import { ClipError, shown } from "@clip-ts/base";
import { readConfigFile, type Settings } from "./load-config.ts";
import type { SourceDefinitions } from "./sources.ts";

/** One setting of a run that goes on with another value. */
export interface ChangedSetting {
  /** Its place among the settings, such as `checkpoint.every`. */
  readonly key: string;
  /** Absent where it is not set. */
  readonly from?: unknown;
  readonly to?: unknown;
}

/** Settings that do not change what the steps to come compute, themselves or by their first names. */
const free = new Set([
  "run",
  "steps",
  "checkpoint",
  "logEvery",
  "data.prefetch",
  "data.workers",
  "data.remote",
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

/** Every value of a document by its place, such as `schedule.learningRate`; a list is one value. */
export function valuesOf(value: unknown, key = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[key, value]];
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .flatMap(([name, inner]) => valuesOf(inner, key === "" ? name : `${key}.${name}`));
}

function differences(recorded: Settings, given: Settings): ChangedSetting[] {
  const [before, after] = [new Map(valuesOf(recorded)), new Map(valuesOf(given))];
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys
    .map((key) => ({ key, from: before.get(key), to: after.get(key) }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
}

const orAbsent = (value: unknown): string => (value === undefined ? "absent" : shown(value));

/** A setting's old and new value in words. */
export function describeChange({ key, from, to }: ChangedSetting): string {
  return `${key}: ${orAbsent(from)} -> ${orAbsent(to)}`;
}

/**
 * Which of a run's settings are others than those that it recorded: it goes on with the given ones. None
 * without a record (`config.yaml` was removed).
 * @throws ClipError "bad-config" naming every setting that would change what the run computes.
 */
export async function changedSettings(
  run: string,
  given: Settings,
  added: SourceDefinitions,
): Promise<ChangedSetting[]> {
  const path = join(run, "config.yaml");
  if (!existsSync(path)) return [];
  const recorded = await readConfigFile(path, added);
  const changes = differences(recorded, given).filter(({ key }) => key !== "run");
  const refused = changes.filter(({ key }) => !isFree(key));
  if (refused.length === 0) return changes;
  throw new ClipError(
    "bad-config",
    `${run} was begun with other settings, and --resume goes on with those (${path}):\n` +
      `${refused.map((change) => `  ${describeChange(change)}`).join("\n")}\n` +
      "  Leave these as they were, or begin another run from this one's weights: " +
      `"model.from: ${run}" with another "run" and without --resume.`,
    { data: { run, refused } },
  );
}
