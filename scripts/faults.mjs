// @ts-check
// pnpm test:faults: what happens to runs, done to small ones: kill -9, signals, a full disk, a flipped bit, a
// second trainer, changed data, changed settings. Each has to end with the losses and weights, byte for byte,
// of a run that nothing disturbed, or be refused by name.
//
//   pnpm test:faults [--kills 20] [--seed 1] [--engines cpu,wasm,onnx] [--only kills,signals,damage,changes]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { changes } from "./faults/changes.mjs";
import { flippedBits, fullDisk, secondTrainer } from "./faults/damage.mjs";
import { kills } from "./faults/kills.mjs";
import { printResult, printSummary } from "./faults/report.mjs";
import { signals } from "./faults/signals.mjs";
import { configFile, outcome, runToEnd } from "./faults/trainer.mjs";
import { randomOf } from "./fuzz/random.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    engines: { type: "string", default: "cpu,wasm,onnx" },
    only: { type: "string", default: "kills,signals,damage,changes" },
  },
});
const seed = Number(values.seed);
const count = Number(values.kills);
const asked = new Set(values.only.split(","));
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) {
  throw new RangeError(`Expected whole numbers for --kills and --seed, got ${values.kills}, ${values.seed}.`);
}

/** @type {import("./faults/report.mjs").Result[]} */
const results = [];
/** @param {import("./faults/report.mjs").Result} result */
function add(result) {
  results.push(result);
  printResult(result);
}

/** @param {string} folder @param {string} engine @param {import("./fuzz/random.mjs").Random} random */
async function tryEngine(folder, engine, random) {
  const finished = join(folder, `whole-${engine}`);
  const { code, stderr } = await runToEnd([configFile(finished, engine)]);
  if (code !== 0) throw new Error(`The undisturbed run on ${engine} ended with ${code}: ${stderr}`);
  const expected = outcome(finished);
  if (asked.has("kills")) add(await kills({ folder, engine, expected, kills: count, random }));
  if (asked.has("signals")) add(await signals({ folder, engine, expected, random }));
  return { finished, expected };
}

/** @param {string} folder @param {string} engine @param {{ finished: string, expected: string }} known */
async function damage(folder, engine, known) {
  const tries = Math.ceil(count / 4);
  add(await flippedBits({ folder, engine, ...known, tries, random: randomOf(seed, 100) }));
  add(await secondTrainer({ folder, engine, ...known }));
  add(await fullDisk({ folder, engine, ...known, tries: Math.ceil(tries / 2) }));
}

const folder = mkdtempSync(join(tmpdir(), "clip-ts-faults-"));
try {
  const engines = values.engines.split(",");
  let known = { finished: "", expected: "" };
  for (const [index, engine] of engines.entries()) {
    known = await tryEngine(folder, engine, randomOf(seed, index));
  }
  const engine = engines.at(-1) ?? "";
  if (asked.has("damage")) await damage(folder, engine, known);
  if (asked.has("changes")) {
    for (const result of await changes({ folder, engine })) add(result);
  }
  process.exitCode = printSummary(results, seed) > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
