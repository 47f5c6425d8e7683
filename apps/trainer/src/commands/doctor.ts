import { arch, cpus, freemem, platform, totalmem } from "node:os";
import type { EngineCheck, EngineStatus, StartedEngine } from "@clip-ts/engines";
import type { imageLibraryVersions } from "@clip-ts/node";
import type { Arguments, Command } from "../cli/command.ts";
import { engineOptions } from "../cli/options.ts";
import { print } from "../cli/output.ts";
import { twoColumns } from "../cli/text.ts";
import type { ProofTrial } from "./shared/try-proof.ts";

function describeMachine({ sharp, libvips }: ReturnType<typeof imageLibraryVersions>): string {
  const cores = cpus();
  const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return twoColumns([
    ["Node.js", `${process.version} on ${platform()} ${arch()}`],
    ["cores", `${cores.length} (${cores[0]?.model.trim() ?? "unknown"})`],
    ["memory", `${gigabytes(totalmem())}, ${gigabytes(freemem())} free`],
    ["images", `sharp ${sharp}, libvips ${libvips}`],
  ]);
}

function describeEngines(engines: readonly EngineStatus[]): string {
  const rows = engines.map(({ name, available, detail, fix }): [string, string] => {
    const remedy = fix === undefined ? "" : `; to fix it: ${fix}`;
    return [name, `${available ? "ready" : "missing"}: ${detail}${remedy}`];
  });
  return twoColumns(rows);
}

function describeChecks(checks: readonly EngineCheck[]): string {
  const rows = checks.map(({ name, passed, expected, actual }): [string, string] => [
    name,
    passed ? "ok" : `WRONG: expected ${expected.join(", ")}; got ${actual.join(", ")}`,
  ]);
  return twoColumns(rows);
}

function describeChoice({ name, detail, reason, gemm }: StartedEngine): string {
  return twoColumns([
    ["engine", `${name} (${detail})`],
    ["because", reason],
    ...(gemm === undefined ? [] : [["GEMM", gemm] as const]),
  ]);
}

/** Where a far faster engine is a command away: the command, in one piece. */
function describeSlowdown({ said, fix }: NonNullable<StartedEngine["slowdown"]>): string {
  return `A faster engine is missing\n  ${said}\n  ${fix}\n`;
}

function describeTrials(trials: readonly ProofTrial[]): string {
  const rows = trials.map(({ engine, passed, said }): [string, string] => [
    engine,
    `${passed ? "passed" : "FAILED"}: ${said}`,
  ]);
  return twoColumns(rows);
}

/** Tries the model on every engine that is ready. @returns whether it passes everywhere; true without a model. */
async function tryModel(args: Arguments, engines: readonly EngineStatus[]): Promise<boolean> {
  const model = args.text("model");
  if (model === undefined) return true;
  const { tryProof } = await import("./shared/try-proof.ts");
  const ready = engines.filter(({ available }) => available).map(({ name }) => name);
  const trials = await tryProof(model, ready);
  print(`The proof of ${model}, on each engine\n${describeTrials(trials)}\n`);
  return trials.every(({ passed }) => passed);
}

async function run(args: Arguments): Promise<number> {
  if (args.flag("mpi")) {
    const { describeRanks } = await import("./shared/describe-ranks.ts");
    return describeRanks();
  }
  const { checkEngine, refuseMissingEngine, tryEngines } = await import("@clip-ts/engines");
  const { imageLibraryVersions } = await import("@clip-ts/node");
  const { startRequestedEngine } = await import("../cli/start-engine.ts");
  print(`This machine\n${describeMachine(imageLibraryVersions())}\n`);
  const engines = await tryEngines();
  print(`Engines, each tried: on a GPU, then on the CPU, fastest first\n${describeEngines(engines)}\n`);
  const asked = engines.find(({ name }) => name === args.text("engine"));
  if (asked !== undefined) refuseMissingEngine(asked); // before it is loaded here too
  const isProved = await tryModel(args, engines);
  const engine = await startRequestedEngine(args);
  if (engine.slowdown !== undefined) print(describeSlowdown(engine.slowdown));
  print(`What runs\n${describeChoice(engine)}\n`);
  const checks = await checkEngine(engine);
  print(`Numbers known beforehand\n${describeChecks(checks)}`);
  return isProved && checks.every(({ passed }) => passed) ? 0 : 1;
}

/** clip-ts doctor */
export const doctorCommand: Command = {
  name: "doctor",
  words: "",
  needs: 0,
  summary: "say which engine would run here, why, and whether it computes rightly",
  options: {
    model: { type: "string", value: "MODEL", help: "also hold a model against its self-check.json on every engine" },
    mpi: { type: "boolean", help: "say instead how fast ranks pass arrays: mpirun -np 2 clip-ts doctor --mpi" },
    ...engineOptions,
  },
  run,
};
