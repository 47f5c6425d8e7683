// @ts-check
// pnpm replay REVISION: plays the same programs with this tree and with another revision's, and compares what
// they compile and compute: losses, weights and features bit for bit, graphs operation by operation.
//
//   pnpm replay main [--engines cpu,wasm,onnx,tensorflow] [--only NAME,...] [--keep FOLDER]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { compareFolders } from "./replay/compare.mjs";
import { play } from "./replay/play.mjs";
import { allPrograms } from "./replay/programs.mjs";
import { layOutTree, removeTree } from "./tree.mjs";
import { root } from "./run.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engines: { type: "string", default: "cpu,wasm,onnx,tensorflow" },
    only: { type: "string" },
    keep: { type: "string" },
  },
});
const [revision] = positionals;
const engines = values.engines.split(",");
const names = values.only?.split(",");
const programs = allPrograms().filter(({ name }) => names === undefined || names.includes(name));
if (revision === undefined || programs.length === 0) {
  const known = allPrograms().map(({ name }) => name);
  console.error(`Usage: pnpm replay REVISION [--engines ...] [--only NAME,...]\nPrograms: ${known.join(", ")}`);
  process.exit(2);
}

const folder = values.keep ?? mkdtempSync(join(tmpdir(), "clip-ts-replay-"));
mkdirSync(folder, { recursive: true });
const other = join(folder, "tree");
process.on("exit", () => {
  removeTree(other);
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130)); // once a program has ended
const commit = layOutTree(revision, other, engines.includes("tensorflow"));
console.log(`this tree beside ${revision} (${commit.slice(0, 12)})`);

const texts = join(folder, "texts.txt");
writeFileSync(texts, "a red circle\na small blue square on a green field\n\nthree cats\n");
const teacher = join(folder, "teacher", "run", "latest");

/**
 * @param {import("./replay/programs.mjs").Program} program
 * @param {string} engine
 * @returns {{ problems: string[], largest: number }}
 */
function replay(program, engine) {
  const outs = ["this", "other"].map((side) => join(folder, engine, program.name, side));
  const [own = "", theirs = ""] = outs;
  const sides = /** @type {const} */ ([
    [root, own],
    [other, theirs],
  ]);
  const failures = sides.map(([tree, out]) => play(program, engine, { tree, out, teacher, texts }));
  if (failures.some((failure) => failure !== undefined)) {
    const isSame = failures.every((failure) => failure !== undefined);
    const said = failures.map((failure) => failure ?? "ran").join(" | ");
    return { problems: [`${isSame ? "neither runs" : "one runs"}: ${said}`], largest: 0 };
  }
  const differences = compareFolders(theirs, own);
  const problems = differences.map(({ what, largest }) =>
    largest === undefined ? what : `${what}, ${largest.toExponential(1)} apart`,
  );
  return { problems, largest: Math.max(0, ...differences.map(({ largest = 0 }) => largest)) };
}

let [played, same] = [0, 0];
const failure = play({ name: "teacher", settings: [] }, "cpu", {
  tree: other,
  out: join(folder, "teacher"),
  teacher: "",
  texts,
});
if (failure !== undefined) throw new Error(`The teacher cannot be trained: ${failure}`);
for (const program of programs) {
  for (const engine of engines.filter((name) => program.engines?.includes(name) ?? true)) {
    await setImmediate(); // programs keep this one waiting: only here can a signal end it
    const { problems, largest } = replay(program, engine);
    played += 1;
    same += problems.length === 0 ? 1 : 0;
    const size = largest > 0 ? `, ${largest.toExponential(1)} at most` : "";
    const outcome = problems.length === 0 ? "same" : `${problems.length} differences${size}`;
    console.log(`${program.name.padEnd(34)} ${engine.padEnd(11)} ${outcome}`);
    for (const problem of problems.slice(0, 5)) console.log(`  ${problem}`);
  }
}
console.log(`${played} replayed, ${same} the same, ${played - same} different`);
process.exitCode = same === played ? 0 : 1;
