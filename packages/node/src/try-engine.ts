import { execFile } from "node:child_process";
import type { EngineCheck } from "./engine/check.ts";
import type { EngineName, EngineStatus } from "./engine/engine.ts";
import { inspectEngine, inspectEngines } from "./engine/inspect.ts";

/** Milliseconds that an engine has to start and compute a few small products. */
const patience = 120_000;

/** This package as it is installed; the process of a trial loads it anew. */
const library = new URL("../dist/index.js", import.meta.url).href;

/** What a trial runs: a process of its own, for what crashes, and for what native libraries print. */
const trial = `
const [library, name] = process.argv.slice(1);
const tell = (facts) => process.stdout.write("\\ntrial " + JSON.stringify(facts) + "\\n", () => process.exit(0));
try {
  const { checkEngine, startEngine } = await import(library);
  const engine = await startEngine(name);
  tell({ detail: engine.detail, checks: await checkEngine(engine) });
} catch (error) {
  tell({ refusal: error.message });
}
`;

/** What a trial tells. */
type Told =
  | { readonly refusal: string }
  | { readonly detail: string; readonly checks: readonly EngineCheck[] };

/** How a process ended that told nothing. */
function silence({ signal, code, killed }: ChildFault): string {
  if (killed === true) return `its process gave no answer within ${patience / 1000} s`;
  return `its process ended with ${typeof signal === "string" ? signal : `code ${code}`} before it answered`;
}

interface ChildFault {
  readonly killed?: boolean | undefined;
  readonly signal?: string | null | undefined;
  readonly code?: string | number | null | undefined;
}

function runTrial(name: EngineName): Promise<Told> {
  const words = ["--no-deprecation", "--input-type=module", "-e", trial, library, name];
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" };
  return new Promise((resolve) => {
    const options = { timeout: patience, env: environment, windowsHide: true };
    execFile(process.execPath, words, options, (fault, stdout) => {
      const line = stdout.split("\n").findLast((text) => text.startsWith("trial "));
      if (line !== undefined) resolve(JSON.parse(line.slice("trial ".length)) as Told);
      else resolve({ refusal: silence(fault ?? { code: 0 }) });
    });
  });
}

/** The first answer that is wrong, in words; undefined if all are right. */
function faultIn(checks: readonly EngineCheck[]): string | undefined {
  const wrong = checks.find(({ passed }) => !passed);
  if (wrong === undefined) return undefined;
  const { name, expected, actual } = wrong;
  return `it computes wrongly: ${name} gives ${actual.join(", ")} where ${expected.join(", ")} is right`;
}

/** What was tried already in this process: nothing is installed or plugged in meanwhile. */
const tried = new Map<EngineName, Promise<EngineStatus>>();

/**
 * Starts an engine in a process of its own, has it compute what is known beforehand and says whether it can be
 * used here, and if not why. What native libraries print on the way is not shown. It is tried once.
 */
export function tryEngine(name: EngineName): Promise<EngineStatus> {
  const status = tried.get(name) ?? outcomeOf(name);
  tried.set(name, status);
  return status;
}

async function outcomeOf(name: EngineName): Promise<EngineStatus> {
  const status = inspectEngine(name);
  if (!status.available) return status;
  const told = await runTrial(name);
  if ("refusal" in told) {
    const detail = told.refusal.replaceAll(/\s+/gu, " ").trim().replace(/\.$/u, "");
    return { name, available: false, detail };
  }
  const fault = faultIn(told.checks);
  return fault === undefined
    ? { name, available: true, detail: told.detail }
    : { name, available: false, detail: fault };
}

/** The same of every engine, fastest first. */
export function tryEngines(): Promise<EngineStatus[]> {
  return Promise.all(inspectEngines().map(({ name }) => tryEngine(name)));
}
