import { captureOutput } from "@clip-ts/test-utils";
import { main } from "@clip-ts/trainer";
import { expect, test } from "vitest";
import { quickstart } from "./main.ts";

/** What a command line of the program with this extension prints, and its exit code. */
export async function runCommandLine(...argv: string[]): ReturnType<typeof captureOutput<number>> {
  try {
    return await captureOutput(async () => {
      await main(argv, quickstart);
      return Number(process.exitCode);
    });
  } finally {
    process.exitCode = undefined;
  }
}

test("the program has the commands and the kind of data, each in its place of the help", async () => {
  const { result, stdout } = await runCommandLine("--help");
  const names = Array.from(stdout.matchAll(/^ {2}(\w+) /gmu), ([, name]) => name);
  expect([result, names.slice(0, 6)]).toEqual([0, ["quickstart", "train", "report", "runs", "methods", "evaluate"]]);
  expect(names.at(-1)).toBe("completion");
  const evaluate = (await runCommandLine("evaluate", "--help")).stdout.replaceAll(/\s+/gu, " ");
  expect(evaluate).toContain("a .csv, .tsv or .jsonl table (also with .gz), or emoji:fluent (or another vendor).");
  expect(evaluate).toContain("(default all; for emoji first, the name)");
});

test.each([
  [["methods", "--only", "lorra"], /--only lorra: .* Did you mean "lora"\?/],
  [["quickstart", "--minutes", "none"], /--minutes none: expected a positive number/],
])("wrong usage exits 2 with one message: %j", async (argv, message) => {
  const { result, stdout, stderr } = await runCommandLine(...argv);
  expect(result).toBe(2);
  expect(stdout + stderr).toMatch(message);
  expect(stderr).not.toContain("    at ");
});
