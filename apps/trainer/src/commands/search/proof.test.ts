import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { makePictures, writeNano, writePictures } from "../embed/fixtures/picture-shards.ts";
import { commands } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-search-proof-"));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const engine = ["--engine", "cpu"];

beforeAll(async () => {
  await useEngine("cpu");
  await writeNano(at("model"), 1);
  await writeNano(at("other"), 2);
  writePictures(at("pictures"), await makePictures(3, () => false));
  const words = ["index", at("model"), at("pictures"), "-o", at("index"), "--store", "flat", ...engine];
  expect((await run(...words)).result ?? 0).toBe(0);
  const [elsewhere] = await makePictures(5, () => false).then((made) => made.slice(-1));
  writeFileSync(at("elsewhere.jpg"), elsewhere?.bytes ?? "");
});
afterAll(async () => {
  await useEngine("cpu");
  rmSync(folder, { recursive: true });
});

test("a search by a picture holds the vision tower against its proof, one by words the text tower alone", async () => {
  expect((await run("convert", at("model"), at("proved"), "--to", "hf")).result).toBe(0);
  const proof = JSON.parse(readFileSync(at("proved", "self-check.json"), "utf8")) as {
    pictures: { features: number[][] };
  };
  const features = proof.pictures.features.map((row) => row.toReversed());
  const pictures = { ...proof.pictures, features };
  writeFileSync(at("model", "self-check.json"), JSON.stringify({ ...proof, pictures }));
  try {
    const picture = await run("search", `"dog" + @${at("elsewhere.jpg")}`, "-i", at("index"), ...engine);
    expect([picture.result, picture.stderr]).toEqual([1, expect.stringContaining("fails its proof")]);
    expect((await run("search", "a dog", "-i", at("index"), ...engine)).result).toBe(0);
  } finally {
    rmSync(at("model", "self-check.json"));
    rmSync(at("proved"), { recursive: true });
  }
});

test("a model that fails its proof searches nothing, indexes nothing and serves nothing, unless that is off", async () => {
  expect((await run("convert", at("other"), at("proved"), "--to", "hf")).result).toBe(0);
  copyFileSync(at("proved", "self-check.json"), at("model", "self-check.json"));
  try {
    for (const argv of [
      ["search", "a dog", "-i", at("index")],
      ["search", `@${at("elsewhere.jpg")}`, "-i", at("index")],
      ["index", at("model"), at("pictures"), "-o", at("refused"), "--store", "flat"],
      ["serve", at("model"), "--port", "0"],
    ]) {
      const { result, stderr } = await run(...argv, ...engine);
      expect([result, stderr], argv[0]).toEqual([1, expect.stringContaining("fails its proof")]);
    }
    expect((await run("search", "a dog", "-i", at("index"), ...engine, "--self-check", "off")).result).toBe(0);
  } finally {
    rmSync(at("model", "self-check.json"));
  }
});
