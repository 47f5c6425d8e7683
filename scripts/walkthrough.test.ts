// docs/walkthrough.md is one program: its ts blocks, joined, compile, and print what the comments say.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs", "walkthrough.md"), "utf8");
const code = [...page.matchAll(/^```ts\n(.*?)^```$/gmsu)].map(([, block]) => block).join("\n");
/** What the page says that it prints, line by line. */
const promised = [...code.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gmu)].map(([, text]) => text);

const folder = join(root, "examples", ".test-output");

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every line that is printed has its result beside it", () => {
  expect(promised).toHaveLength(code.split("console.log(").length - 1);
  expect(promised.length).toBeGreaterThan(8);
});

test("the walkthrough compiles, runs and prints the shapes that it promises", () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "walkthrough.ts"), code);
  const options = ["--target", "es2023", "--module", "nodenext", "--strict", "--skipLibCheck"];
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const compiled = spawnSync(
    process.execPath,
    [tsc, ...options, "--ignoreConfig", "--types", "node", "--pretty", "false", "walkthrough.ts"],
    { cwd: folder, encoding: "utf8" },
  );
  expect(compiled.stdout).toBe("");
  const printed = execFileSync(process.execPath, ["walkthrough.js"], { cwd: folder });
  const lines = printed.toString().trim().split("\n");
  // Node prints an array as [ 2, 3 ]; the page writes it as JavaScript joins it.
  const plain = lines.map((line) =>
    line.replaceAll(/\[ ?([\d, ]*?) ?\]/gu, (_, inner: string) => inner.replaceAll(", ", ",")),
  );
  expect(plain).toEqual(promised);
}, 120_000);
