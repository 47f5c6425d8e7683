import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { openClip, writeModel } from "@clip-ts/node";
import { captureOutput, useEngine, writeGoldenModel } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { commands } from "../index.ts";
import { tokenizerFor } from "@clip-ts/inference";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-embed-"));
const at = (...names: string[]): string => join(folder, ...names);
const model = at("model");
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["embed", ...argv, "--engine", "cpu"]));

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(model, description, initClip(config, 1));
  await mkdir(at("images", "sub"), { recursive: true });
  for (const [index, name] of ["b.png", "sub/c.jpg", "a.webp"].entries()) {
    const background = { r: 80 * index, g: 255 - 80 * index, b: 128 };
    await sharp({ create: { width: 20 + index, height: 16, channels: 3, background } }).toFile(at("images", name));
  }
  await writeFile(at("images", "broken.png"), "not an image");
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

/** Rows of a NumPy file as this package writes it. */
async function readNpy(path: string): Promise<number[][]> {
  const bytes = await readFile(path);
  const start = 10 + bytes.readUInt16LE(8);
  const [, rows = 0, dim = 0] = /\((\d+), (\d+)\)/.exec(bytes.toString("latin1", 10, start)) ?? [];
  return Array.from({ length: Number(rows) }, (_, row) =>
    Array.from({ length: Number(dim) }, (_value, index) => bytes.readFloatLE(start + 4 * (row * Number(dim) + index))),
  );
}

/** What the library gives for the same inputs, row by row. */
async function expectedRows(inputs: { images?: readonly string[]; texts?: readonly string[] }): Promise<number[][]> {
  const clip = await openClip(model, { engine: "cpu" });
  const { images, texts = [] } = inputs;
  const { values, rows, dim } = images === undefined ? await clip.embedTexts(texts) : await clip.embedImages(images);
  clip.dispose();
  return Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * dim, row * dim + dim)));
}

function expectClose(actual: readonly number[][], expected: readonly number[][]): void {
  expect(actual.length).toBe(expected.length);
  for (const [row, values] of expected.entries()) {
    for (const [index, value] of values.entries()) expect(actual[row]?.[index]).toBeCloseTo(value, 5);
  }
}

test("a folder of images becomes unit rows; the unreadable one is counted and listed", async () => {
  const { result, stdout, stderr } = await run(model, at("images"), "-o", at("out.npy"));
  expect([result, stdout]).toEqual([0, ""]);
  expect(stderr).toContain("left out: 1 image that cannot be read\n");
  expect(stderr).toMatch(/broken\.png is not a readable image/);
  expect(stderr).toContain(`wrote [3, 8] to ${at("out.npy")}`);
  const images = ["a.webp", "b.png", "sub/c.jpg"].map((name) => at("images", name));
  expect(await readFile(at("out.txt"), "utf8")).toBe(`${images.join("\n")}\n`);
  const rows = await readNpy(at("out.npy"));
  expectClose(rows, await expectedRows({ images }));
  for (const row of rows) expect(Math.hypot(...row)).toBeCloseTo(1, 5);
});

test("addresses stand among files and folders; what is not there is left out", async () => {
  const picture = await readFile(at("images", "b.png"));
  const server = createServer(({ url }, response) => {
    response.writeHead(url === "/b.png" ? 200 : 404).end(picture);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const words = [at("images", "a.webp"), `${origin}/b.png`, `${origin}/none.png`, at("images", "sub")];
  const { result, stderr } = await run(model, ...words, "-o", at("web.npy"));
  server.close();
  expect(result).toBe(0);
  const inputs = [at("images", "a.webp"), `${origin}/b.png`, at("images", "sub", "c.jpg")];
  expect(await readFile(at("web.txt"), "utf8")).toBe(`${inputs.join("\n")}\n`);
  expect(stderr).toMatch(/none\.png answers 404: there is no such image/);
  const images = ["a.webp", "b.png", "sub/c.jpg"].map((name) => at("images", name));
  expectClose(await readNpy(at("web.npy")), await expectedRows({ images }));
});

test("captions from a file or stdin, as JSON lines", async () => {
  const texts = ["a red square", "nothing like it", "ünïcode 🙂"];
  await writeFile(at("captions.txt"), `${texts.join("\n")}\n`);
  await run(model, "--texts", at("captions.txt"), "-o", at("texts.jsonl"));
  const written = await readFile(at("texts.jsonl"), "utf8");
  const lines = written
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { input: string; embedding: number[] });
  expect(lines.map(({ input }) => input)).toEqual(texts);
  expectClose(
    lines.map(({ embedding }) => embedding),
    await expectedRows({ texts }),
  );
  const stdin = Readable.from([Buffer.from(texts.join("\n"))]) as unknown as typeof process.stdin;
  vi.spyOn(process, "stdin", "get").mockReturnValue(stdin);
  await run(model, "--texts", "-", "-o", at("texts.npy"));
  expectClose(await readNpy(at("texts.npy")), await expectedRows({ texts }));
  expect(await readFile(at("texts.txt"), "utf8")).toBe(`${texts.join("\n")}\n`);
});

test("only unreadable images, missing inputs and models that read ids are errors", async () => {
  const unreadable = await run(model, at("images", "broken.png"), "-o", at("none.npy"));
  expect(unreadable.result).toBe(1);
  expect(unreadable.stderr).toMatch(/None of 1 images could be read; the first: .*broken\.png/);
  await expect(readFile(at("none.npy"))).rejects.toThrow("ENOENT");
  const missing = await run(model, at("gone"), "-o", at("none.npy"));
  expect(missing.stderr).toMatch(/no file or folder .*gone/);
  const noTexts = await run(model, "--texts", at("gone.txt"), "-o", at("none.npy"));
  expect(noTexts.stderr).toMatch(/gone\.txt cannot be read/);
  const golden = writeGoldenModel(at("golden"), "hf");
  const ids = await run(golden, "--texts", at("captions.txt"), "-o", at("none.npy"));
  const images = await run(golden, at("images"), "-o", at("golden.npy"));
  expect(images.result).toBe(0); // images need no vocabulary
  expect([ids.result, ids.stderr]).toEqual([1, expect.stringContaining("a vocabulary of 200")]);
});
