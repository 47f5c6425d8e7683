// The language of captions, for models that read NLLB's tokens.
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { tokenizerFor } from "@clip-ts/inference";
import { clipSpec, preset } from "@clip-ts/model";
import { writeModel } from "@clip-ts/node";
import { captureOutput, goldenPath, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-language-"));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

/** NLLB's kind of tokenizer with two languages, and letters in place of pieces. */
const tokens = [
  "<s>",
  "<pad>",
  "</s>",
  "<unk>",
  "▁",
  ..."abcdefghijklmnopqrstuvwxyz".split(""),
  "eng_Latn",
  "fra_Latn",
];
const english = tokens.indexOf("eng_Latn");
const special = (content: string) => ({ id: tokens.indexOf(content), content, special: true });
const tokenizer = {
  added_tokens: ["<s>", "<pad>", "</s>", "<unk>", "eng_Latn", "fra_Latn"].map(special),
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always" },
  model: {
    type: "BPE",
    unk_token: "<unk>",
    vocab: Object.fromEntries(tokens.map((text, id) => [text, id])),
    merges: [],
  },
};

beforeAll(async () => {
  await useEngine("cpu");
  for (const name of ["config.json", "model.safetensors"]) {
    await copyFile(join(goldenPath("text-towers/nllb"), name), at(name));
  }
  await writeFile(at("tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(at("tokenizer_config.json"), JSON.stringify({ tokenizer_class: "NllbTokenizer" }));
  const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 40, b: 90 } } });
  await picture.toFile(at("a.png"));
});
afterAll(() => rm(folder, { recursive: true }));

async function classified(...options: string[]): Promise<string> {
  const { result, stdout, stderr } = await run(
    "classify",
    folder,
    at("a.png"),
    "--labels",
    "cat,dog",
    "--json",
    "-",
    ...options,
  );
  expect(result, stderr).toBe(0);
  return stdout;
}

test("captions are in the language that is named, English by default", async () => {
  for (const [options, first] of [
    [[], english],
    [["--language", "fra_Latn"], english + 1],
  ] as const) {
    const stdin = Readable.from([Buffer.from("cat\n")]) as unknown as typeof process.stdin;
    const spy = vi.spyOn(process, "stdin", "get").mockReturnValue(stdin);
    const { stdout } = await run("tokenize", folder, ...options);
    spy.mockRestore();
    expect((JSON.parse(stdout) as number[])[0]).toBe(first);
  }
  const usual = await classified("--engine", "cpu");
  expect(await classified("--engine", "cpu", "--language", "eng_Latn")).toBe(usual);
  expect(await classified("--engine", "cpu", "--language", "fra_Latn")).not.toBe(usual);
});

test.each(["classify", "embed", "evaluate", "serve", "search", "tokenize"])("%s takes a language", async (command) => {
  expect((await run(command, "--help")).stdout).toMatch(/--language CODE\s+of captions/u);
});

test("a language that is not there is refused with those that are, and one for a model without any by its tokenizer", async () => {
  const words = ["classify", folder, at("a.png"), "--labels", "cat,dog", "--language"];
  const unknown = await run(...words, "german");
  expect(unknown.result).toBe(1);
  expect(unknown.stderr).toContain('no language "german": give one of its 2, eng_Latn, fra_Latn.');
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(at("clip"), description, initHostParams(clipSpec(config), 1));
  const clip = await run("classify", at("clip"), at("a.png"), "--labels", "cat", "--language", "eng_Latn");
  expect(clip.result).toBe(1);
  expect(clip.stderr).toMatch(/The language "eng_Latn" is for NLLB's tokenizer, and this model's is CLIP's/u);
});
