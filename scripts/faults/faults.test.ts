// Some kills on every engine; `pnpm test:faults` does more of them, and all else that happens to runs.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const command = fileURLToPath(new URL("../faults.mjs", import.meta.url));

test("a run killed at random moments ends with the losses and weights it would have had", { timeout: 300_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, "--kills", "2", "--only", "kills"], {
    encoding: "utf8",
  });
  expect(stdout + stderr).toContain("6 faults, 0 problems");
  expect(status).toBe(0);
});
