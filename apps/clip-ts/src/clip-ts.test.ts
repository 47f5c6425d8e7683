import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));

/** What a program of the two packages prints and how it ends. */
function run(program: string, ...args: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const trainers = fileURLToPath(import.meta.resolve("../../trainer/bin/clip-ts.js"));

test("the unscoped package runs the trainer's program, arguments and exit code included", () => {
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  expect(run("bin/clip-ts.js", "--version")).toEqual({
    status: 0,
    stdout: `${version}\n`,
    stderr: "",
  });
  const wrong = ["classify", "model", "--no-such-option"];
  expect(run("bin/clip-ts.js", ...wrong)).toEqual(run(trainers, ...wrong));
  expect(run("bin/clip-ts.js", ...wrong)).toMatchObject({ status: 2 });
});
