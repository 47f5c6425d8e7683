import { spawnSync } from "node:child_process";
import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { commands } from "../commands/index.ts";
import { completionScript, shells } from "./completion.ts";
import { runCommandLine } from "./main.ts";

const hasBash = spawnSync("bash", ["--version"]).status === 0;

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(" ");
  const script = `${completionScript("bash", commands)}
COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _clip_ts; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status, stderr } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.split("\n").filter((word) => word !== "");
}

test.skipIf(!hasBash)("bash completes commands, options, their values and files", () => {
  expect(offered("clip-ts", "e")).toEqual(["evaluate", "embed"]);
  expect(offered("clip-ts", "help", "pre")).toEqual(["preprocess"]);
  expect(offered("clip-ts", "dat")).toEqual(["data"]);
  expect(offered("clip-ts", "data", "")).toEqual(["index", "stats", "check", "prepare"]);
  expect(offered("clip-ts", "help", "data", "p")).toEqual(["prepare"]);
  expect(offered("clip-ts", "data", "prepare", "x", "--form")).toEqual(["--format"]);
  expect(offered("clip-ts", "data", "prepare", "x", "--format", "")).toEqual(["jpg", "png", "webp"]);
  expect(offered("clip-ts", "data", "stats", "pack")).toContain("package.json");
  expect(offered("clip-ts", "classify", "m", "--lab")).toEqual(["--labels"]);
  expect(offered("clip-ts", "convert", "m", "o", "--to", "o")).toEqual(["openai", "open_clip", "onnx"]);
  expect(offered("clip-ts", "doctor", "--device", "")).toEqual(["auto", "gpu", "cpu"]);
  expect(offered("clip-ts", "train", "pack")).toContain("package.json");
});

test.each(shells)("the script for %s names every command and option", async (shell) => {
  const { result, stdout } = await captureOutput(() => runCommandLine(commands, ["completion", shell]));
  expect(result).toBe(0);
  for (const { name, options } of commands) {
    for (const word of name.split(" ")) expect(stdout).toContain(word);
    for (const option of Object.keys(options)) {
      expect(stdout).toContain(shell === "fish" ? `-l ${option} ` : `--${option}`);
    }
  }
});

test("fish's words stand in quotes that nothing inside ends", () => {
  for (const line of completionScript("fish", commands).trimEnd().split("\n")) {
    const outside = line.replaceAll(/'(?:[^'\\]|\\.)*'/gu, "");
    expect(outside).toMatch(/^complete -c clip-ts[ \w-]*$/u);
  }
});
