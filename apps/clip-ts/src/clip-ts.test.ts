import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

const program = join(folder, manifest.bin["clip-ts"]);

/** What the program prints and how it ends. */
function run(...args: readonly string[]): unknown {
  const options = { encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], options);
  return { status, stdout, stderr };
}

test("the unscoped package is the trainer's program, arguments and exit code included", () => {
  expect(run("--version")).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
  expect(run("classify", "model", "--no-such-option")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--no-such-option"),
  });
}, 120_000);

const scratch = mkdtempSync(join(tmpdir(), "clip-ts-program-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Lists the modules of ES that are loaded. */
const log = join(scratch, "loaded");
writeFileSync(
  join(scratch, "hooks.mjs"),
  `import { appendFileSync } from "node:fs";
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(log)}, url + "\\n");
  return next(url, context);
}`,
);
writeFileSync(
  join(scratch, "watch.mjs"),
  `import { register } from "node:module";
register(${JSON.stringify(pathToFileURL(join(scratch, "hooks.mjs")).href)});`,
);

/** What may be loaded before a command does its work. */
const light =
  /\/apps\/clip-ts\/bin\/|\/apps\/trainer\/dist\/(main|cli|commands)\b|\/apps\/quickstart\/dist\/(main|\w+\/command)\.js|\/packages\/base\/dist\/|\/fastest-levenshtein\/|^node:/u;

test.each([
  [0, "quickstart    train", ["--help"]],
  [0, "--minutes N", ["quickstart", "--help"]],
  [0, "or emoji:fluent", ["evaluate", "--help"]],
  [0, "quickstart train report runs methods", ["completion", "bash"]],
  [2, "", ["methods", "--only", "mine"]],
])("exit code %i with %j, without loading what does the work: %j", (code, said, words) => {
  writeFileSync(log, "");
  const watcher = pathToFileURL(join(scratch, "watch.mjs")).href;
  const argv = ["--import", watcher, program, ...words];
  const { status, stdout } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  expect([status, stdout]).toEqual([code, expect.stringContaining(said)]);
  const loaded = readFileSync(log, "utf8").split("\n").filter(Boolean);
  expect(loaded.length).toBeGreaterThan(10);
  expect(loaded.filter((place) => !light.test(place))).toEqual([]);
});
