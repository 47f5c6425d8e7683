import { ClipError, isClipError, selfCheckFile } from "@clip-ts/base";
import type { Embedder } from "@clip-ts/model";
import type { ModelDescription } from "../model.ts";
import type { CheckPrecision, SelfCheck } from "./file.ts";
import { largestDistance, runSelfCheck, type SelfCheckResult } from "./self-check.ts";

/**
 * When a model that carries a proof is held against it: on first use on a device and engine, each time it is opened,
 * or never.
 */
export type SelfCheckWhen = "first-use" | "always" | "off";

/** Why engines are not taken, by their names. */
export type RefusedEngines = Readonly<Record<string, string>>;

/** A model's towers on an engine. */
export interface OnEngine<Engine> {
  readonly engine: Engine;
  /** To be disposed. */
  readonly embedder: Embedder;
}

/** An engine by its name. */
interface Named {
  readonly name: string;
}

/** How a model comes onto engines, and is held against its proof there. */
export interface ProveParts<Engine extends Named> {
  readonly model: ModelDescription & { readonly name: string };
  readonly check: SelfCheck;
  /** Starts an engine and loads the model: the one asked for, or the fastest of those that are not refused. */
  readonly open: (refused: RefusedEngines) => Promise<OnEngine<Engine>>;
  /**
   * Given where the engine was asked for by name, so that no other may take its place: starts another, only to tell
   * whether the engine is wrong or the weights are. @returns undefined where none may be started.
   */
  readonly another?: (refused: RefusedEngines) => Promise<OnEngine<Engine> | undefined>;
  readonly precisionOf: (engine: Engine) => CheckPrecision;
  /** Whether this engine passed before, and is believed. */
  readonly isKnown?: (engine: Engine) => Promise<boolean>;
  /** Hears which engine passed. */
  readonly onPassed?: (engine: Engine) => Promise<void>;
  readonly onNotice: (line: string) => void;
}

/** An engine that failed, and what it gave. */
interface Failed {
  readonly name: string;
  readonly result: Pick<SelfCheckResult, "said" | "features" | "allowed"> & Partial<SelfCheckResult>;
}

const wayOut = `To use it as it is, set selfCheck to "off" (--self-check off).`;

/** Faults that no engine has: with them the model itself, or its files, is another. */
function refuseModel(model: string, { fault, said }: SelfCheckResult): void {
  if (fault === undefined || fault === "features") return;
  const remedies = {
    "other-model": `Delete ${selfCheckFile}, or put the one there that belongs to the model.`,
    preprocessing: "Put its preprocessor_config.json back as it was.",
    tokenizer: "Put its tokenizer's files back as they were.",
  };
  throw new ClipError(
    "bad-data",
    `${model} fails its proof (${selfCheckFile}): ${said}. ${remedies[fault]} ${wayOut}`,
    {
      data: { model, fault },
    },
  );
}

/** Two engines that are both off and agree have nothing wrong but what both were given. */
function damagedWeights(model: string, first: Failed, second: Failed): ClipError {
  const { said } = first.result;
  return new ClipError(
    "bad-weights",
    `${model} fails its proof (${selfCheckFile}) though its engines agree: ${first.name} and ${second.name} give the ` +
      `same, and ${said}. The weights are damaged or others than those that were proved: fetch or write the model ` +
      `again. ${wayOut}`,
    { data: { model, engines: [first.name, second.name] } },
  );
}

const agree = (a: Failed, b: Failed): boolean =>
  a.result.features.length > 0 &&
  a.result.features.length === b.result.features.length &&
  largestDistance(a.result.features, b.result.features) <= Math.max(a.result.allowed, b.result.allowed);

const wrongly = ({ name, result }: Failed): string => `the engine "${name}" computes wrongly: ${result.said}`;

/** Runs the check on an engine; one that throws has failed like one that computes wrongly. */
async function tryOn<Engine extends Named>(
  { model, check, precisionOf }: ProveParts<Engine>,
  { engine, embedder }: OnEngine<Engine>,
): Promise<Failed | undefined> {
  const { name } = engine;
  try {
    const result = await runSelfCheck(check, { description: model, embedder }, { precision: precisionOf(engine) });
    refuseModel(model.name, result);
    return result.passed ? undefined : { name, result };
  } catch (error) {
    if (isClipError(error)) throw error;
    const said = `it stops with ${error instanceof Error ? error.message : String(error)}`;
    return { name, result: { said, features: [], allowed: 0 } };
  }
}

/** Tells why a named engine failed, with the help of another one. */
async function namedFailure<Engine extends Named>(parts: ProveParts<Engine>, failed: Failed): Promise<ClipError> {
  const { model, another } = parts;
  const said = `${model.name} fails its proof (${selfCheckFile}): ${wrongly(failed)}`;
  const refused = { [failed.name]: failed.result.said };
  const other = await another?.(refused).catch(() => undefined);
  if (other === undefined) {
    const remedy = 'With engine "auto" another one is tried, which tells whether the weights are damaged.';
    return new ClipError("engine-unavailable", `${said}. ${remedy} ${wayOut}`, { data: { engine: failed.name } });
  }
  try {
    const { name } = other.engine;
    const second = name in refused ? undefined : await tryOn(parts, other);
    if (second !== undefined && agree(failed, second)) return damagedWeights(model.name, failed, second);
    const found = second === undefined ? `${name} computes it rightly: name that one, or none` : wrongly(second);
    return new ClipError("engine-unavailable", `${said}. ${found}. ${wayOut}`, { data: { engine: failed.name } });
  } finally {
    other.embedder.dispose();
  }
}

function nonePasses(model: string, failures: readonly Failed[], cause?: unknown): ClipError {
  const lines = failures.map(({ name, result }) => `  ${name}: ${result.said}`);
  return new ClipError(
    "engine-unavailable",
    `${model} fails its proof (${selfCheckFile}) on every engine that runs here:\n${lines.join("\n")}\n  ${wayOut}`,
    { data: { model, engines: failures.map(({ name }) => name) }, cause },
  );
}

/** The next engine; undefined where there is none that did not fail before. */
async function openNext<Engine extends Named>(
  { model, open }: ProveParts<Engine>,
  failures: readonly Failed[],
): Promise<OnEngine<Engine>> {
  const refused = Object.fromEntries(failures.map((failed) => [failed.name, wrongly(failed)]));
  const opened = await open(refused).catch((error: unknown) => {
    const isOver = isClipError(error) && error.code === "engine-unavailable" && failures.length > 0;
    throw isOver ? nonePasses(model.name, failures, error) : error;
  });
  if (!(opened.engine.name in refused)) return opened;
  opened.embedder.dispose();
  throw nonePasses(model.name, failures);
}

/**
 * Opens a model on the first engine on which it passes its proof. Each that fails is named to `onNotice`, with how far
 * it is off and what computes instead.
 * @throws ClipError "engine-unavailable" where the engine that was named fails, or none passes; "bad-weights" where
 * engines agree with each other and not with the proof; "bad-data" for another preprocessing or tokenizer, or a proof
 * of another model; and whatever opening throws.
 */
export async function openProved<Engine extends Named>(parts: ProveParts<Engine>): Promise<OnEngine<Engine>> {
  const { model, another, isKnown, onPassed, onNotice } = parts;
  const failures: Failed[] = [];
  for (;;) {
    const opened = await openNext(parts, failures);
    if (await isKnown?.(opened.engine)) return opened;
    const failed = await tryOn(parts, opened).catch((error: unknown) => {
      opened.embedder.dispose();
      throw error;
    });
    if (failed === undefined) {
      for (const before of failures) onNotice(`${wrongly(before)}: ${opened.engine.name} computes instead`);
      await onPassed?.(opened.engine);
      return opened;
    }
    opened.embedder.dispose();
    if (another !== undefined) throw await namedFailure(parts, failed);
    const alike = failures.find((before) => agree(before, failed));
    if (alike !== undefined) throw damagedWeights(model.name, alike, failed);
    failures.push(failed);
  }
}
