import { arch, cpus, freemem, platform, totalmem } from "node:os";
import {
  checkEngine,
  refuseMissingEngine,
  tryEngines,
  type EngineCheck,
  type EngineStatus,
  type StartedEngine,
} from "@clip-ts/engines";
import { imageLibraryVersions } from "@clip-ts/node";
import { twoColumns } from "../../cli/columns.ts";
import type { Arguments } from "../../cli/command.ts";
import { print } from "../../cli/output.ts";
import { startRequestedEngine } from "../support/start-engine.ts";

function describeMachine(): string {
  const cores = cpus();
  const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const { sharp, libvips } = imageLibraryVersions();
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

/** clip-ts doctor */
export async function run(args: Arguments): Promise<number> {
  print(`This machine\n${describeMachine()}\n`);
  const engines = await tryEngines();
  print(
    `Engines, each tried: on a GPU, then on the CPU, fastest first\n${describeEngines(engines)}\n`,
  );
  const asked = engines.find(({ name }) => name === args.text("engine"));
  if (asked !== undefined) refuseMissingEngine(asked); // before it is loaded here too
  const engine = await startRequestedEngine(args);
  if (engine.slowdown !== undefined) print(describeSlowdown(engine.slowdown));
  print(`What runs\n${describeChoice(engine)}\n`);
  const checks = await checkEngine(engine);
  print(`Numbers known beforehand\n${describeChecks(checks)}`);
  return checks.every(({ passed }) => passed) ? 0 : 1;
}
