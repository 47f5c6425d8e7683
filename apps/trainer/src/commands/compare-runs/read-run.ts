import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { listCheckpoints, runHolder } from "@clip-ts/node";
import { note } from "../../cli/output.ts";
import { valuesOf } from "../../config/changed-settings.ts";
import { parseSettings } from "../../config/load-config.ts";
import { readSessions, type Session } from "../shared/run-history.ts";
import {
  evaluationNames,
  readMetrics,
  stepLines,
  thinned,
  totalsOf,
  withRates,
  type MetricsLine,
} from "../../pages/metrics.ts";
import type { EvaluationSummary, RunState, RunSummary, SettingChange } from "../../pages/run-summary.ts";
import type { FoundRun } from "./find-runs.ts";
import { isLowerBetter } from "../../cli/metrics.ts";

/** Lines of metrics whose mean is called a loss. */
const lossWindow = 10;

/** Points of a curve. */
const mostPoints = 100;

async function readSettings(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(folder, "config.yaml");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return {};
  try {
    return Object.fromEntries(valuesOf(parseSettings(text, path)));
  } catch (error) {
    note(`note    ${error instanceof Error ? error.message : String(error)} Its settings are left out.`);
    return {};
  }
}

async function readChanges(folder: string): Promise<SettingChange[]> {
  const text = await readFile(join(folder, "config-changes.jsonl"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as SettingChange];
    } catch {
      return []; // empty, or cut off
    }
  });
}

function lossOf(lines: readonly MetricsLine[]): RunSummary["loss"] {
  const given = lines.filter((line) => Number.isFinite(line["loss"]));
  if (given.length === 0) return undefined;
  const size = Math.min(lossWindow, given.length);
  const means = Array.from({ length: given.length - size + 1 }, (_, index) => {
    const window = given.slice(index, index + size);
    return {
      loss: window.reduce((sum, line) => sum + (line["loss"] as number), 0) / size,
      step: (window.at(-1)?.["step"] as number) + 1,
    };
  });
  const best = means.reduce((least, mean) => (mean.loss < least.loss ? mean : least));
  return { last: means.at(-1)?.loss as number, best: best.loss, bestStep: best.step };
}

function evaluationOf(metrics: readonly MetricsLine[], name: string): EvaluationSummary | undefined {
  const given = metrics.filter((line) => Number.isFinite(line[name]));
  const sign = isLowerBetter(name) ? -1 : 1;
  const value = (line: MetricsLine): number => line[name] as number;
  const best = given.toSorted((a, b) => sign * (value(b) - value(a)))[0];
  const last = given.at(-1);
  if (best === undefined || last === undefined) return undefined;
  return { best: value(best), step: (best["step"] as number) + 1, last: value(last) };
}

function medianOf(values: readonly number[]): number | undefined {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

interface Standing {
  readonly folder: string;
  readonly sessions: readonly Session[];
  readonly steps: number;
  readonly asked: number | undefined;
}

async function hasDiverged(folder: string): Promise<boolean> {
  const names = await readdir(join(folder, "checkpoints")).catch(() => []);
  return names.some((name) => name.endsWith(".diverged"));
}

/** Where a run stands: as its lock says, else its last session, else (old runs) what lies in its folder. */
async function stateOf({ folder, sessions, steps, asked }: Standing): Promise<RunState> {
  if ((await runHolder(folder)) !== undefined) return "running";
  const last = sessions.at(-1);
  if (last?.event === "end") return last.how;
  if (last?.event === "begin" || existsSync(join(folder, "training.lock"))) return "killed";
  if (asked !== undefined && steps >= asked) return "done";
  return (await hasDiverged(folder)) ? "diverged" : "unfinished";
}

/** Milliseconds of all sessions, no less than steps took; the last, if it has no end, counts to the last metrics. */
async function wallOf(folder: string, sessions: readonly Session[], stepMs: number): Promise<number> {
  if (sessions.length === 0) return stepMs;
  const written = await stat(join(folder, "metrics.jsonl")).catch(() => undefined);
  let ms = 0;
  for (const [index, session] of sessions.entries()) {
    if (session.event !== "begin") continue;
    const next = sessions[index + 1];
    const begun = Date.parse(session.at);
    const isOpen = next === undefined;
    const end = next?.event === "end" ? Date.parse(next.at) : isOpen ? (written?.mtimeMs ?? begun) : begun;
    ms += Math.max(0, end - begun) || 0;
  }
  return Math.max(ms, stepMs); // of one that was cut off and went on, no more than its steps is known
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "unknown");

const modelOf = (settings: Readonly<Record<string, unknown>>): string => {
  const named = ["model.preset", "model.from", "model.config"].map((key) => settings[key]);
  return named.find((value) => typeof value === "string") ?? "unknown";
};

/** Reads what a run's folder tells, whole or not: settings, metrics, sessions, checkpoints. */
export async function readRun({ name, folder }: FoundRun): Promise<RunSummary> {
  const metrics = await readMetrics(join(folder, "metrics.jsonl"));
  const [settings, sessions] = [await readSettings(folder), await readSessions(folder)];
  const lines = stepLines(metrics).map(withRates);
  const { steps, ms, waitShare } = totalsOf(lines);
  const asked = typeof settings["steps"] === "number" ? settings["steps"] : undefined;
  const names = evaluationNames(metrics);
  const evaluations = names.map((metric) => [metric, evaluationOf(metrics, metric)] as const);
  const last = sessions.at(-1);
  const drawn = ["loss", "imagesPerSecond", "waitShare", ...names];
  return {
    name,
    folder,
    state: await stateOf({ folder, sessions, steps, asked }),
    reason: last?.event === "end" ? last.reason : undefined,
    steps,
    asked,
    loss: lossOf(lines),
    evaluations: Object.fromEntries(
      evaluations.filter(([, found]) => found !== undefined),
    ) as RunSummary["evaluations"],
    imagesPerSecond: medianOf(lines.map((line) => line["imagesPerSecond"] ?? Number.NaN)),
    waitShare: ms > 0 ? waitShare : undefined,
    wallMs: await wallOf(folder, sessions, ms),
    model: modelOf(settings),
    engine: sessions.findLast((session) => session.event === "begin")?.engine ?? textOf(settings["engine"]),
    checkpoint: (await listCheckpoints(folder)).at(-1),
    settings,
    changes: await readChanges(folder),
    curves: Object.fromEntries(drawn.map((metric) => [metric, thinned(metrics.map(withRates), metric, mostPoints)])),
  };
}
