import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-start-up-"));
const program = fileURLToPath(new URL("../../bin/clip-ts.js", import.meta.url));
const watcher = join(folder, "watch.mjs");
const log = join(folder, "loaded");

afterAll(() => rmSync(folder, { recursive: true }));

if (!existsSync(fileURLToPath(new URL("../../dist/main.js", import.meta.url)))) {
  throw new Error("These tests start the built program: run pnpm build first.");
}

/** Lists every module that is loaded: those of ES by a hook, those of CommonJS from their cache at the end. */
writeFileSync(
  join(folder, "hooks.mjs"),
  `import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(log)}, url + "\\n");
  return next(url, context);
}`,
);
writeFileSync(
  watcher,
  `import { appendFileSync } from "node:fs";
import { createRequire, register } from "node:module";
register(${JSON.stringify(pathToFileURL(join(folder, "hooks.mjs")).href)});
const { cache } = createRequire(import.meta.url);
process.on("exit", () => {
  for (const file of Object.keys(cache)) appendFileSync(${JSON.stringify(log)}, file + "\\n");
});`,
);

interface Started {
  readonly code: number | null;
  readonly stdout: string;
  /** Where each loaded module lies, without Node's own. */
  readonly loaded: readonly string[];
}

function start(...argv: string[]): Started {
  writeFileSync(log, "");
  const words = ["--import", pathToFileURL(watcher).href, program, ...argv];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
  const loaded = readFileSync(log, "utf8").split("\n");
  return {
    code: status,
    stdout,
    loaded: loaded.filter((place) => place !== "" && !place.startsWith("node:")),
  };
}

/** What may be loaded before a command does its work: the command line itself, errors, spelling. */
const light = /\/apps\/trainer\/(bin|dist|package\.json)|\/packages\/base\/dist\/|\/fastest-levenshtein\//u;
const work =
  /\/apps\/trainer\/dist\/(config\/|pages\/|commands\/shared\/|commands\/\w+\/(?!(?:\w+-)?command\.js|request\.js|options\.js)|cli\/(start-engine|fetch-models))/u;

test.each([
  [0, ["--version"]],
  [0, ["-V"]],
  [0, ["--help"]],
  [0, ["help", "classify"]],
  [0, ["train", "--help"]],
  [0, ["completion", "bash"]],
  [2, []],
  [2, ["clasify"]],
  [2, ["help", "clasify"]],
  [2, ["convert", "a", "b", "--to", "onx"]],
  [2, ["convert", "a", "b", "--to", "hf", "--alpha", "1"]],
  [2, ["classify", "a", "b.png", "--labels", "a", "--engine", "abacus"]],
  [2, ["classify", "a", "b.png", "--labels", " , "]],
  [2, ["embed", "a", "-o", "x.npy"]],
  [2, ["evaluate", "a"]],
  [2, ["evaluate", "a", "--retrieval", "b", "--max-skipped", "x"]],
  [2, ["setup", "torch"]],
  [2, ["train", "a", "--device", "tpu"]],
  [2, ["completion", "csh"]],
])("exit code %i without loading what does the work: %j", (code, argv) => {
  const started = start(...argv);
  expect(started.code).toBe(code);
  expect(started.loaded.length).toBeGreaterThan(10);
  expect(started.loaded.filter((place) => !light.test(place) || work.test(place))).toEqual([]);
});

test("a command that works loads the library, so that what is not loaded was looked for", () => {
  const { code, loaded } = start("tokenize", join(folder, "no-model"));
  expect(code).toBe(1);
  expect(loaded.some((place) => place.includes("/packages/node/dist/"))).toBe(true);
  expect(loaded.some((place) => /node_modules\/@tensorflow\//u.test(place))).toBe(true);
});
