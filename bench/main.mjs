// @ts-check
// pnpm bench: see README.md.
import { createRun } from "./commands/run.mjs";
import { openWorkspace } from "./inputs/workspace.mjs";
import { readOptions, usage, UsageError } from "./options.mjs";

/** @typedef {import("./commands/run.mjs").Run} Run */

/**
 * Each publishes what it measured, and says whether the sides did the same work.
 * @type {Record<string, () => Promise<(run: Run) => Promise<{ agreement: { holds: boolean } }>>>}
 */
const commands = {
  train: async () => (await import("./commands/train.mjs")).benchTrain,
  "train --against": async () => (await import("./commands/against.mjs")).benchAgainst,
  infer: async () => (await import("./commands/infer.mjs")).benchInfer,
  dtypes: async () => (await import("./commands/dtypes.mjs")).benchDtypes,
  tokenize: async () => (await import("./commands/tokenize.mjs")).benchTokenize,
  preprocess: async () => (await import("./commands/preprocess.mjs")).benchPreprocess,
  data: async () => (await import("./commands/data.mjs")).benchData,
  "data-train": async () => (await import("./commands/data-train.mjs")).benchDataTrain,
  "data-memory": async () => (await import("./commands/data-memory.mjs")).benchDataMemory,
  browser: async () => (await import("./commands/browser.mjs")).benchBrowser,
  ranks: async () => (await import("./commands/ranks.mjs")).benchRanks,
  scaling: async () => (await import("./commands/scaling.mjs")).benchScaling,
  search: async () => (await import("./commands/search.mjs")).benchSearch,
  table: async () => (await import("./commands/table.mjs")).benchTable,
};

/** @param {readonly string[]} words */
async function main(words) {
  const { command = "", help, options } = readOptions(words);
  if (help || command === "") {
    process.stdout.write(usage);
    return help ? 0 : 2;
  }
  const name = options.against === undefined ? command : `${command} --against`;
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) throw new UsageError(`There is no command "${command}".`);
  const bench = await load();
  const { agreement } = await bench(createRun(options, openWorkspace()));
  return agreement.holds ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}
