// --image-size of two sides, wherever a command takes one.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClip } from "@clip-ts/node";
import { openPictureIndex } from "@clip-ts/picture-index";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { makePictures, writeNano, writePictures } from "./embed/fixtures/picture-shards.ts";
import { commands } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-sizes-"));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const files = [0, 1, 2, 3].map((number) => at("images", `${String(number).padStart(5, "0")}.jpg`));
const engine = ["--engine", "cpu"];
const sized = ["--image-size", "8x16", ...engine];
let features: Float32Array[] = [];

beforeAll(async () => {
  await writeNano(at("model"), 1);
  writePictures(at("images"), await makePictures(4, () => false));
  const clip = await openClip(at("model"), { engine: "cpu", imageSize: [8, 16] });
  const { values, dim } = await clip.embedImages(files);
  features = files.map((_, row) => values.slice(row * dim, (row + 1) * dim));
  clip.dispose();
  const index = await run(
    "index",
    at("model"),
    at("images"),
    "-o",
    at("index"),
    "--store",
    "flat",
    "--no-exif",
    ...sized,
  );
  expect([index.result, index.stderr]).toEqual([0, expect.stringContaining("images of 8 x 16 px instead of 8 px")]);
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

test("index embeds at the size, and keeps it for what is added later", async () => {
  const index = await openPictureIndex(at("index"));
  expect(index.record.imageSize).toEqual([8, 16]);
  const rows = [];
  for await (const some of index.vectors.scan({ withVectors: true })) rows.push(...some);
  await index.close();
  expect(rows).toHaveLength(files.length);
  for (const { id, vector } of rows) {
    const expected = features[files.indexOf(id)]!;
    for (const [column, value] of expected.entries()) expect(vector![column]).toBeCloseTo(value, 5);
  }
  const again = ["index", at("model"), at("images"), "-o", at("index")];
  const other = await run(...again, "--image-size", "16x8", ...engine);
  expect([other.result, other.stderr]).toEqual([1, expect.stringContaining("images of 8 x 16 px, not 16 x 8 px")]);
  expect((await run(...again, ...sized)).stdout).toMatch(/unchanged +4/u);
});

test("search sees pictures at the size of the index", async () => {
  const json = at("found.json");
  const { result } = await run("search", files[2]!, "--index", at("index"), "--all", "--json", json, ...engine);
  expect(result).toBe(0);
  const { hits } = JSON.parse(readFileSync(json, "utf8")) as { hits: { id: string; similarity: number }[] };
  expect(hits[0]!.id).toBe(files[2]);
  expect(hits[0]!.similarity).toBeCloseTo(1, 5);
});

test("serve wants the size of the index", async () => {
  const { result, stderr } = await run("serve", at("model"), "--index", at("index"), ...engine);
  expect([result, stderr]).toEqual([1, expect.stringContaining("--image-size 8x16")]);
});

test("embed, classify, evaluate, preprocess and forward take it", async () => {
  expect((await run("embed", at("model"), files[1]!, "-o", at("one.jsonl"), ...sized)).result).toBe(0);
  const { embedding } = JSON.parse(readFileSync(at("one.jsonl"), "utf8")) as { embedding: number[] };
  for (const [column, value] of features[1]!.entries()) expect(embedding[column]).toBeCloseTo(value, 5);
  const pixels = ["preprocess", at("model"), files[1]!, "-o", at("pixels.safetensors"), "--image-size", "8x16"];
  expect((await run(...pixels)).stdout + (await run(...pixels)).stderr).toContain("[1, 3, 8, 16]");
  expect((await run("classify", at("model"), files[1]!, "--labels", "a,b", ...sized)).result).toBe(0);
  const forward = ["forward", at("model"), at("pixels.safetensors"), "-o", at("outputs.safetensors"), ...sized];
  expect((await run(...forward)).stderr).toContain("8 x 16 px");
});

test("convert takes it under both of its names", async () => {
  for (const [folderName, name] of [
    ["one", "--image-size"],
    ["two", "--resolution"],
  ] as const) {
    const { result } = await run("convert", at("model"), at(folderName), "--to", "hf", name, "8x16");
    expect(result).toBe(0);
    const clip = await openClip(at(folderName), { engine: "cpu" });
    const { values } = await clip.embedImages([files[1]!]);
    for (const [column, value] of features[1]!.entries()) expect(values[column]).toBeCloseTo(value, 5);
    clip.dispose();
  }
});

test.each(["index", "embed", "classify", "evaluate", "serve", "convert", "forward", "preprocess"])(
  "%s names a size that is none",
  async (command) => {
    const words = { index: [at("images"), "-o", at("other")], serve: [], evaluate: ["--zero-shot", at("images")] };
    const others = {
      embed: [files[0]!, "-o", at("none.npy")],
      classify: [files[0]!, "--labels", "a"],
      convert: [at("none"), "--to", "hf"],
      forward: [at("pixels.safetensors"), "-o", at("none.safetensors")],
      preprocess: [files[0]!, "-o", at("none.safetensors")],
    };
    const argv = { ...words, ...others }[command]!;
    const { result, stderr } = await run(command, at("model"), ...argv, "--image-size", "8x");
    expect([result, stderr]).toEqual([
      2,
      expect.stringContaining("--image-size 8x: expected whole pixels, such as 256"),
    ]);
  },
);
