import { ClipError } from "@clip-ts/base";
import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { weightsDtypes } from "@clip-ts/onnx";
import { engineNames } from "@clip-ts/engines";
import { dtypes } from "../commands/convert/command.ts";
import { graphExports } from "../commands/convert/run.ts";
import { weightTargets } from "../commands/convert/write.ts";
import { towerTargets } from "../commands/convert/write-tower.ts";
import { commands } from "../commands/index.ts";
import type { Command } from "./command.ts";
import { runCommandLine } from "./main.ts";
import { print } from "./output.ts";

const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

/** A command that does what its test says. */
function commandThat(act: () => Promise<number | void>): Command {
  return { name: "act", words: "", needs: 0, summary: "acts", options: {}, run: act };
}

test("--help explains the program and every command within 80 columns", async () => {
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    const { result, stdout } = await run(...argv);
    expect(result).toBe(0);
    for (const { name } of commands) expect(stdout).toContain(`  ${name} `);
  }
  for (const { name, options } of commands) {
    const { result, stdout, stderr } = await run(...name.split(" "), "--help");
    expect([name, result, stderr]).toEqual([name, 0, ""]);
    expect(stdout).toContain(`Usage: clip-ts ${name}`);
    for (const option of [...Object.keys(options), "help", "debug"]) {
      expect(stdout).toContain(`--${option}`);
    }
    const widest = Math.max(...stdout.split("\n").map((line) => line.length));
    expect([name, widest <= 80]).toEqual([name, true]);
  }
});

test.each(["--version", "-V"])("%s prints the version and nothing else", async (word) => {
  const { result, stdout, stderr } = await run(word);
  expect([result, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("help COMMAND is COMMAND --help", async () => {
  for (const { name } of commands) {
    const words = name.split(" ");
    expect(await run("help", ...words)).toEqual(await run(...words, "--help"));
  }
});

test("the values that options name are those that the libraries know", async () => {
  const choices = (command: string, option: string): readonly string[] | undefined =>
    commands.find(({ name }) => name === command)?.options[option]?.choices;
  expect(choices("train", "engine")?.toSorted()).toEqual(["auto", ...engineNames].toSorted());
  const targets = [weightTargets, towerTargets, graphExports].flatMap(Object.keys);
  expect(choices("convert", "to")).toEqual(targets);
  expect(dtypes).toEqual(weightsDtypes);
});

test.each([
  [[], /Usage: clip-ts COMMAND/],
  [["clasify"], /no command "clasify"\. Did you mean "classify"\?/],
  [["convert", "model", "out", "--tp", "hf"], /no option "--tp"\. Did you mean "--to"\?/],
  [["convert", "model", "out", "--zebra"], /no option "--zebra"\. See clip-ts convert --help/],
  [["convert", "model", "out"], /convert needs --to hf\|openai/],
  [["convert", "model", "--to", "hf"], /convert needs more words\. Usage: clip-ts convert MODEL OUT/],
  [["tokenize", "model", "two.txt"], /no use for "two\.txt"/],
  [["help", "clasify"], /no command "clasify"\. Did you mean "classify"\?/],
  [["help", "embed", "more"], /help has no use for "more"/],
  [["help", "data", "stats", "more"], /help has no use for "more"/],
  [["dta", "stats"], /no command "dta"\. Did you mean "data"\?/],
  [["doctor", "--engine", "tensorflw"], /expected auto, .* or cpu\. Did you mean "tensorflow"\?/],
  [["classify", "m", "i.png", "--labels", "a", "--device", "cpus"], /Did you mean "cpu"\?/],
  [["train", "config.yaml", "--precision", "bf61"], /expected f32 or bf16\. Did you mean "bf16"\?/],
  [["convert", "model", "out", "--to", "onx"], /or savedmodel\. Did you mean "onnx"\?/],
  [["setup", "tensorflw"], /can be set up, .* Did you mean "tensorflow"\?/],
  [["completion", "zhs"], /expected bash, zsh or fish\. Did you mean "zsh"\?/],
  [["evaluate", "m", "--zero-shot", "f", "--json", "-", "--report", "-"], /only one file fits/],
  [["classify", "model", "one.png", "--labels"], /'--labels <value>' argument missing/],
  [["classify", "model", "one.png", "--labels", "a", "--top", "1.5"], /--top 1\.5: expected a whole/],
  [["classify", "model", "one.png", "--labels", "a", "--template", "no"], /needs \{\}/],
  [["classify", "model", "one.png", "--labels", " , "], /--labels is empty/],
  [["evaluate", "model"], /needs --retrieval DATA, --zero-shot FOLDER or --linear-probe FOLDER/],
  [["evaluate", "model", "--retrieval", "x", "--captions", "some"], /expected first or all/],
  [["embed", "model", "-o", "out.npy"], /either images or --texts/],
  [["embed", "model", "a.png", "--texts", "b.txt", "-o", "out.npy"], /either images or --texts/],
  [["embed", "model", "--texts", "./a.txt", "-o", "a.npy"], /would overwrite the captions/],
  [["embed", "model", "a.png", "-o", "out.csv"], /ends in \.npy or \.jsonl/],
])("wrong usage exits 2 with one message: %j", async (argv, message) => {
  const { result, stdout, stderr } = await run(...argv);
  expect(result).toBe(2);
  expect(stdout + stderr).toMatch(message);
  expect(stderr).not.toContain("    at ");
});

test("a failure exits 1 with its message, and with its stack only when asked", async () => {
  const failing = commandThat(() => Promise.reject(new ClipError("bad-data", "The data are bad.")));
  const plain = await captureOutput(() => runCommandLine([failing], ["act"]));
  expect([plain.result, plain.stderr]).toEqual([1, "clip-ts: The data are bad.\n"]);
  const verbose = await captureOutput(() => runCommandLine([failing], ["act", "--debug"]));
  expect(verbose.stderr).toMatch(/The data are bad\.\n[^]* {4}at /);
});

test("an interruption exits 130; a command's own code is kept", async () => {
  const interrupted = commandThat(() => Promise.reject(new ClipError("interrupted", "Stopped.")));
  expect((await captureOutput(() => runCommandLine([interrupted], ["act"]))).result).toBe(130);
  const own = commandThat(() => Promise.resolve(7));
  expect((await captureOutput(() => runCommandLine([own], ["act"]))).result).toBe(7);
});

test("a reader of stdout that goes away is forgiven; other errors are not", async () => {
  const silent = commandThat(async () => {
    expect(print("one")).toBe(true);
    process.stdout.emit("error", Object.assign(new Error("broken pipe"), { code: "EPIPE" }));
    expect(print("two")).toBe(false);
    const full = Object.assign(new Error("disk full"), { code: "ENOSPC" });
    expect(() => process.stdout.emit("error", full)).toThrow("disk full");
    return Promise.resolve();
  });
  const { result, stdout, stderr } = await captureOutput(() => runCommandLine([silent], ["act"]));
  expect([result, stdout, stderr]).toEqual([0, "one\n", ""]);
});
