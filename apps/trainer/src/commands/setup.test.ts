import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const setup = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["setup", ...argv]));

test.each([[[]], [["pytorch"]], [["tensorflow", "now"]], [["tensorflow", "--form", "x"]]])(
  "a command line that means nothing is wrong usage: %j",
  async (argv) => {
    const { result, stderr } = await setup(...argv);
    expect(result).toBe(2);
    expect(stderr).toMatch(/^clip-ts: /u);
  },
);

test("a folder without libraries is an error that says what should be in it", async () => {
  const { result, stderr } = await setup("tensorflow", "--from", import.meta.dirname);
  expect(result).toBe(1);
  expect(stderr).toMatch(/holds neither a tensorflow wheel nor .*libtensorflow_cc\.so\.2/u);
});

test("the help says what is fetched and built", async () => {
  const { result, stdout } = await setup("--help");
  expect(result).toBe(0);
  expect(stdout).toMatch(/tfjs-node's addon/u);
  expect(stdout).toContain("--from PATH");
});
