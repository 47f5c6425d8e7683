// A few changed files of every kind through the real readers; `pnpm fuzz` tries thousands.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { randomOf } from "./random.mjs";
import { byteChanges } from "./change-bytes.mjs";

const command = fileURLToPath(new URL("../fuzz.mjs", import.meta.url));

test("changed files are read or refused by an error of ours", { timeout: 300_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, "--count", "150"], {
    encoding: "utf8",
  });
  expect(stdout + stderr).toContain("150 changed files, 0 faults");
  expect(status).toBe(0);
});

test("a case is the same file every time, whatever was tried before it", () => {
  const bytes = Buffer.from(Array.from({ length: 500 }, (_, at) => at % 251));
  for (const [index, change] of byteChanges.entries()) {
    const [first, second] = [1, 2].map(() => change(Buffer.from(bytes), randomOf(7, index)));
    expect(Buffer.compare(first!, second!), String(index)).toBe(0);
    expect(Buffer.compare(first!, change(Buffer.from(bytes), randomOf(8, index)))).not.toBe(0);
  }
});
