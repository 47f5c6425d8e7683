import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** What the program prints and how it ends. */
function run(...args: readonly string[]): unknown {
  const program = join(folder, manifest.bin["clip-ts"]);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("the unscoped package is the trainer's program, arguments and exit code included", () => {
  expect(run("--version")).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
  expect(run("classify", "model", "--no-such-option")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--no-such-option"),
  });
}, 120_000);
