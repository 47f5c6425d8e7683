import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { formatClipConfig, preset } from "@clip-ts/model";
import { captureOutput, writeGoldenModel } from "@clip-ts/test-utils";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-tokenize-"));
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** A folder with the description of OpenAI's ViT-B/32, whose vocabulary is whole. */
const model = join(folder, "model");
await mkdir(model);
await writeFile(join(model, "config.json"), JSON.stringify(formatClipConfig(preset("ViT-B/32"))));

const reference = JSON.parse(
  await readFile(new URL("../../../../packages/tokenizer/src/fixtures/openai-clip.json", import.meta.url), "utf8"),
) as { readonly text: string; readonly ids: readonly number[] }[];

async function tokenize(captions: readonly string[], ...options: string[]): Promise<number[][]> {
  const text = captions.map((caption) => `${caption}\n`).join("");
  const stdin = Readable.from([Buffer.from(text)]) as unknown as typeof process.stdin;
  vi.spyOn(process, "stdin", "get").mockReturnValue(stdin);
  const { result, stdout, stderr } = await captureOutput(() =>
    runCommandLine(commands, ["tokenize", model, ...options]),
  );
  expect([result, stderr]).toEqual([0, ""]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as number[]);
}

test("one array a line, with the ids of OpenAI's tokenizer", async () => {
  const plain = reference.filter(({ text }) => !text.includes("<|"));
  expect(plain.length).toBeGreaterThan(25);
  // A line feed inside a caption is white space like any other, but here it would end the caption.
  const captions = plain.map(({ text }) => text.replaceAll(/[\r\n]/g, " "));
  expect(await tokenize(captions)).toEqual(plain.map(({ ids }) => ids));
});

test("a special token written in a caption is plain text", async () => {
  const [ids] = await tokenize(["cats <|endoftext|> dogs"]);
  expect(ids?.indexOf(49407)).toBe((ids?.length ?? 0) - 1);
});

test("--padded fills up to the context length; a blank line is a caption too", async () => {
  const [cat, blank] = await tokenize(["a photo of a cat", ""], "--padded");
  const ids = [49406, 320, 1125, 539, 320, 2368, 49407];
  expect(cat).toEqual([...ids, ...Array.from({ length: 77 - ids.length }, () => 0)]);
  expect(blank).toHaveLength(77);
  expect(blank?.slice(0, 3)).toEqual([49406, 49407, 0]);
});

test("a model with a vocabulary of its own says that it needs ids", async () => {
  const golden = writeGoldenModel(join(folder, "golden"), "hf");
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, ["tokenize", golden]));
  expect(result).toBe(1);
  expect(stderr).toContain("a vocabulary of 200");
});
