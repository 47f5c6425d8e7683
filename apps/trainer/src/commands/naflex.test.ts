// Commands with a model whose pictures keep their shape.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { naflexPreprocess } from "@clip-ts/image";
import { tokenizerFor } from "@clip-ts/inference";
import { initClip, preset, type ClipConfig } from "@clip-ts/model";
import { openClip, writeModel } from "@clip-ts/node";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { writeNano } from "./embed/fixtures/picture-shards.ts";
import { commands } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-naflex-"));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const classes = ["blue", "red"];
const sizes = [
  [30, 10],
  [8, 40],
  [16, 16],
  [5, 3],
] as const;
const files = classes.flatMap((name) => sizes.map((_, number) => at("classes", name, `${number}.png`)));

const { vision, ...rest } = preset("nano");
const config = {
  ...rest,
  vision: { ...vision, kind: "naflex", imageSize: 16 },
  loss: { kind: "sigmoid" },
} as ClipConfig;

beforeAll(async () => {
  await useEngine("cpu");
  const description = { config, preprocess: naflexPreprocess(4, 12), ...tokenizerFor(config) };
  await writeModel(at("model"), description, initClip(config, 1));
  for (const name of classes) mkdirSync(at("classes", name), { recursive: true });
  for (const [index, file] of files.entries()) {
    const [width, height] = sizes[index % sizes.length]!;
    const background = { r: index * 30, g: 80, b: 255 - index * 30 };
    await sharp({ create: { width, height, channels: 3, background } }).toFile(file);
  }
  writeFileSync(at("pairs.csv"), `image,caption\n${files.map((file, at) => `${file},picture ${at}`).join("\n")}\n`);
  const converted = await run("convert", at("model"), at("graphs"), "--to", "onnx", "--dtype", "f32");
  expect(converted.result).toBe(0);
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

const from = [
  ["model", "cpu"],
  ["model", "onnx"],
  ["graphs", "onnx"],
] as const;

test.each(from)("classify ranks labels of pictures of any shape (%s, %s)", async (name, engine) => {
  const labels = ["a cat", "red", "ship"];
  const json = at(`${name}-${engine}.json`);
  const argv = [at(name), at("classes"), "--labels", labels.join(","), "--json", json, "--engine", engine];
  expect((await run("classify", ...argv, "--max-tokens", "32")).result).toBe(0);
  const { images } = JSON.parse(readFileSync(json, "utf8")) as {
    images: { image: string; labels: { label: string; probability: number }[] }[];
  };
  expect(images.map(({ image }) => image)).toEqual(files);
  const clip = await openClip(at("model"), { engine: "cpu" });
  for (const [index, file] of files.entries()) {
    const ranking = await clip.classify(file, labels);
    const found = images[index]!.labels;
    expect(found.map(({ label }) => label)).toEqual(ranking.map(({ label }) => label));
    for (const [at, { probability }] of ranking.entries()) expect(found[at]!.probability).toBeCloseTo(probability, 5);
  }
  clip.dispose();
});

test.each(from)("evaluate measures retrieval and zero-shot accuracy (%s, %s)", async (name, engine) => {
  const json = at(`evaluation-${name}-${engine}.json`);
  const data = ["--retrieval", at("pairs.csv"), "--zero-shot", at("classes"), "--templates", "simple"];
  const argv = [at(name), ...data, "--json", json, "--engine", engine];
  expect((await run("evaluate", ...argv)).result).toBe(0);
  const whole = JSON.parse(readFileSync(json, "utf8")) as Record<"retrieval" | "zeroShot", object>;
  expect(whole).toMatchObject({
    retrieval: { imageToText: { queries: files.length } },
    zeroShot: { images: files.length },
  });
  expect((await run("evaluate", ...argv, "--max-tokens", "16")).result).toBe(0);
  const parted = JSON.parse(readFileSync(json, "utf8")) as typeof whole;
  expect(parted.retrieval).toEqual(whole.retrieval);
  expect(parted.zeroShot).toEqual(whole.zeroShot);
});

test("embed gives the same rows by files and by shards, whatever the budget", async () => {
  const rowsOf = (path: string): number[][] =>
    readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { embedding: number[] }).embedding);
  const embed = (...argv: string[]) => run("embed", at("model"), ...argv, "--engine", "cpu");
  expect((await embed(at("classes"), "-o", at("whole.jsonl"))).result).toBe(0);
  expect((await embed(at("classes"), "-o", at("parted.jsonl"), "--max-tokens", "16")).result).toBe(0);
  const [whole, parted] = [rowsOf(at("whole.jsonl")), rowsOf(at("parted.jsonl"))];
  expect(whole).toHaveLength(files.length);
  for (const [row, values] of whole.entries()) {
    for (const [column, value] of values.entries()) expect(parted[row]![column]).toBeCloseTo(value, 5);
  }
  expect((await embed(at("classes"), "-o", at("shards/"), "--max-tokens", "48")).result).toBe(0);
  expect((await embed(at("classes"), "-o", at("shards/"), "--max-tokens", "32")).stderr).toContain("max-tokens");
});

test("a budget that no picture keeps, or for pictures of one size, is refused before weights are read", async () => {
  const low = await run("evaluate", at("model"), "--zero-shot", at("classes"), "--max-tokens", "15");
  expect([low.result, low.stderr]).toEqual([1, expect.stringContaining("filled up to 16, is more than a batch may")]);
  await writeNano(at("squares"), 1);
  const squares = await run("embed", at("squares"), at("classes"), "-o", at("none.npy"), "--max-tokens", "64");
  expect([squares.result, squares.stderr]).toEqual([1, expect.stringContaining("of this model are all of one size")]);
});
