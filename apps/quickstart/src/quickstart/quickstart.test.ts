import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../run-program.test.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-quickstart-"));

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await useEngine("cpu");
});

const quickstart = (...words: string[]): ReturnType<typeof runCommandLine> =>
  runCommandLine("quickstart", "--run", folder, "--engine", "wasm", ...words);

test("a quickstart of two steps trains on real drawings, exports, and tests on a vendor never seen", async () => {
  const { result, stdout, stderr } = await quickstart("--steps", "2");
  expect([result, stderr]).toEqual([0, expect.stringContaining("2/2  loss")]);
  for (const stage of ["[1/3] Train", "[2/3] Export", "[3/3] Test"]) expect(stdout).toContain(stage);

  const count = Number(/Held-out drawings: (\d+)/.exec(stdout)?.[1]);
  expect(count).toBeGreaterThan(1500);
  expect(stdout).toMatch(/image → text +\d+\.\d % +\d+\.\d % +\d+/);
  expect(stdout).toMatch(/chance +0\.1 % +0\.3 %/);
  const fixed = stdout.split("\n").filter((line) => !line.includes(basename(folder))); // paths may be long
  for (const line of fixed) expect(line.length).toBeLessThanOrEqual(80);

  const sheet = readFileSync(join(folder, "matches.html"), "utf8");
  expect(sheet.match(/<section>/g)).toHaveLength(10);
  expect(sheet).toContain("data:image/webp;base64,");
  expect(sheet).not.toMatch(/src="(?!data:)/);
  const files = ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"];
  for (const file of files) expect(existsSync(join(folder, "model", file)), file).toBe(true);
}, 240_000);

test("run again, it goes on with the run that is there", async () => {
  const { result, stdout } = await quickstart();
  expect(result).toBe(0);
  expect(stdout).toContain("going on with the run that is there");
}, 240_000);
