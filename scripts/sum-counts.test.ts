import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const script = fileURLToPath(new URL("sum-counts.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "clip-ts-counts-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the script makes of logs that hold these texts. */
function sumOf(...texts: readonly string[]): {
  readonly line: string;
  readonly code: number | null;
} {
  const paths = texts.map((text, index) => {
    const path = join(folder, `${index}.log`);
    writeFileSync(path, text);
    return path;
  });
  const { stdout, status } = spawnSync(process.execPath, [script, ...paths], { encoding: "utf8" });
  return { line: stdout, code: status };
}

test("the last counts of each log are added up", () => {
  const first = "[lint] 2 passed, 7 failed in 3 s\n2 passed, 1 failed\n\n900 passed, 0 failed, 4 skipped\n";
  expect(sumOf(first, "table\n\n38 passed, 0 failed\n")).toEqual({
    line: "938 passed, 0 failed, 4 skipped\n",
    code: 0,
  });
});

test("a failure in either fails, and so does a log that broke off", () => {
  expect(sumOf("1 passed, 2 failed\n", "3 passed, 0 failed\n")).toEqual({
    line: "4 passed, 2 failed\n",
    code: 1,
  });
  expect(sumOf("5 passed, 0 failed\n", "Building ... killed\n")).toEqual({
    line: "5 passed, 1 failed\n",
    code: 1,
  });
});
