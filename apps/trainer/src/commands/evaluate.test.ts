import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clipPreprocess } from "@clip-ts/image";
import { evaluateRetrieval, evaluateZeroShot } from "@clip-ts/evaluation";
import { embedLabels, initClip, preset, simpleTemplates } from "@clip-ts/model";
import { openClip, writeModel } from "@clip-ts/node";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { tokenizerFor } from "@clip-ts/inference";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-evaluate-"));
const at = (...names: string[]): string => join(folder, ...names);
const model = at("model");
const run = (...argv: string[]) =>
  captureOutput(() => runCommandLine(commands, ["evaluate", model, ...argv, "--engine", "cpu"]));

async function drawing(path: string, shade: number): Promise<void> {
  const background = { r: shade, g: 255 - shade, b: (7 * shade) % 256 };
  const create = { width: 16, height: 12, channels: 3, background } as const;
  await sharp({ create }).png().toFile(path);
}

const captions = [["red", "quite red"], ["green"], ["blue", "navy", "deep sea"], ["grey"]];

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(model, description, initClip(config, 3));
  await mkdir(at("pairs"));
  for (const [index, texts] of captions.entries()) {
    await drawing(at("pairs", `${index}.png`), 60 * index);
    await writeFile(at("pairs", `${index}.txt`), texts.join("\n"));
  }
  await writeFile(at("pairs", "9.png"), "broken");
  await writeFile(at("pairs", "9.txt"), "never seen");
  for (const [row, name] of ["dark_green", "light-green", "red"].entries()) {
    await mkdir(at("classes", name), { recursive: true });
    for (let index = 0; index <= row; index++) {
      await drawing(at("classes", name, `${index}.png`), 40 * row + 9 * index);
    }
  }
  await writeFile(at("classes", "red", "broken.jpg"), "broken");
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

async function readReport(): Promise<Record<"retrieval" | "zeroShot" | "engine", any>> {
  return JSON.parse(await readFile(at("out", "report.json"), "utf8")) as never;
}

test("retrieval takes every caption of every readable image, and stands next to chance", async () => {
  const argv = ["--retrieval", at("pairs"), "--json", at("out", "report.json")];
  const { result, stdout, stderr } = await run(...argv);
  expect(result).toBe(0);
  expect(stderr).toContain("left out of retrieval: 1 image that cannot be read\n");
  expect(stderr).toMatch(/9\.png is not a readable image/);

  const clip = await openClip(model, { engine: "cpu" });
  const images = await clip.embedImages(captions.map((_, index) => at("pairs", `${index}.png`)));
  const texts = await clip.embedTexts(captions.flat());
  clip.dispose();
  const links = captions.flatMap((own, index) => own.map(() => index));
  const expected = evaluateRetrieval(images, texts, links);
  const { retrieval, engine } = await readReport();
  expect(engine.name).toBe("cpu");
  expect(retrieval).toMatchObject({ ...expected, captions: "all" });
  expect(retrieval.chance.textToImage).toMatchObject({ recallAt1: 1 / 4, meanRank: 2.5 });
  expect(retrieval.skipped).toHaveLength(1);
  expect(retrieval.leftOut).toMatchObject([{ kind: "unreadable-image", count: 1 }]);

  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toBe(`Retrieval on ${at("pairs")}: 4 images, 7 texts`);
  expect(lines[2]).toMatch(/R@1 +R@5 +R@10 +mean rank +median rank$/);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  expect(lines[3]).toContain(percent(expected.imageToText.recallAt1));
  expect(lines[5]).toContain(percent(expected.textToImage.recallAt5));
  expect(lines[6]).toMatch(/^ {2}by chance +25\.0 % +100\.0 % +100\.0 % +2\.5 +2\.0$/);
  expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(80);
});

test("--captions first, --limit and tables", async () => {
  await writeFile(
    at("table.jsonl"),
    captions.map((own, index) => JSON.stringify({ image: `pairs/${index}.png`, text: own })).join("\n"),
  );
  const first = await run("--retrieval", at("table.jsonl"), "--captions", "first", "--limit", "3");
  expect(first.stdout).toContain("3 images, 3 texts");
  const all = await run("--retrieval", at("table.jsonl"));
  expect(all.stdout).toContain("4 images, 7 texts");
});

test("zero-shot averages templates over class folders", async () => {
  const argv = ["--zero-shot", at("classes"), "--templates", "simple"];
  const { result, stdout, stderr } = await run(...argv, "--json", at("out", "report.json"));
  expect(result).toBe(0);
  expect(stderr).toMatch(/broken\.jpg is not a readable image/);

  const clip = await openClip(model, { engine: "cpu" });
  const paths = ["dark_green/0", "light-green/0", "light-green/1", "red/0", "red/1", "red/2"];
  const images = await clip.embedImages(paths.map((path) => at("classes", `${path}.png`)));
  const classes = await embedLabels(clip, ["dark green", "light green", "red"], simpleTemplates);
  clip.dispose();
  const { perClass, ...expected } = evaluateZeroShot(images, classes, [0, 1, 1, 2, 2, 2]);
  const { zeroShot } = await readReport();
  expect(zeroShot).toMatchObject({ ...expected, images: 6, templates: 7 });
  expect(zeroShot.perClass).toEqual(
    perClass.map((score, row) => ({ name: ["dark green", "light green", "red"][row], ...score })),
  );
  expect(stdout).toContain(`Zero-shot on ${at("classes")}: 6 images, 3 classes, 7 templates`);
  expect(stdout).toMatch(/ {2}by chance +33\.3 % +100\.0 % +33\.3 %/);
});

/** The words of each row of a page's tables. */
function rowsOf(page: string): string[][] {
  const rows = page.match(/<tr[ >].*?<\/tr>/gu) ?? [];
  return rows.map((row) => [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gu)].map(([, cell = ""]) => cell.trim()));
}

test("the page shows every row that the terminal shows, with the same columns", async () => {
  const both = ["--retrieval", at("pairs"), "--diagnostics", "--zero-shot", at("classes")];
  const page = at("out", "same.html");
  const { stdout } = await run(...both, "--templates", "simple", "--report", page);
  const lines = stdout.split("\n").map((line) => line.trim().split(/ {2,}/u));
  const printed = lines.filter((cells) => cells.length > 1 || cells[0] === "value");
  expect(printed.length).toBe(5 + 7 + 3); // retrieval, geometry, zero-shot
  const shown = rowsOf(await readFile(page, "utf8")).map((cells) => cells.filter(Boolean));
  expect(shown.slice(0, printed.length)).toEqual(printed);
});

test("names and templates from files; both measurements in one run", async () => {
  await writeFile(at("names.txt"), "forest\nlime\nblood\n");
  await writeFile(at("templates.txt"), "{} paint\n");
  const files = ["--classes", at("names.txt"), "--templates", at("templates.txt")];
  const both = ["--zero-shot", at("classes"), "--retrieval", at("pairs"), "--limit", "2"];
  const { result, stdout } = await run(...both, ...files, "--json", at("out", "report.json"));
  expect(result).toBe(0);
  expect(stdout).toContain("2 images, 3 texts\n");
  expect(stdout).toContain("5 images, 3 classes, 1 template\n"); // the broken one is of the first two
  const { zeroShot } = await readReport();
  expect(zeroShot.perClass.map(({ name }: { name: string }) => name)).toEqual(["forest", "lime", "blood"]);
});

test("data that are not there or do not fit are refused with a reason", async () => {
  const refusal = async (...argv: string[]): Promise<string> => {
    const { result, stdout, stderr } = await run(...argv);
    expect([result, stdout]).toEqual([1, ""]);
    return stderr;
  };
  expect(await refusal("--retrieval", at("gone"))).toMatch(/dataset .*gone does not exist/);
  expect(await refusal("--zero-shot", at("gone"))).toMatch(/There is no folder .*gone/);
  expect(await refusal("--zero-shot", at("pairs"))).toMatch(/at least two classes, found 0/);
  const unknown = await refusal("--zero-shot", at("classes"), "--templates", "opanai");
  expect(unknown).toContain('no templates "opanai": expected openai, simple or a file');
  await writeFile(at("few.txt"), "one\n");
  const few = await refusal("--zero-shot", at("classes"), "--classes", at("few.txt"));
  expect(few).toMatch(/few\.txt names 1 classes, but there are 3 folders/);
  await mkdir(at("all-broken"));
  await writeFile(at("all-broken", "a.png"), "broken");
  await writeFile(at("all-broken", "a.txt"), "a caption");
  expect(await refusal("--retrieval", at("all-broken"))).toMatch(/None of 1 images could be read/);
});

const shards = fileURLToPath(new URL("../../../../packages/data/src/fixtures/shards", import.meta.url));

test("retrieval reads tars, folders of them, Parquet files and MDS", async () => {
  await mkdir(at("tars"));
  for (const name of ["00000.tar", "00000_stats.json"]) await copyFile(join(shards, name), at("tars", name));
  for (const [data, images] of [
    [at("tars"), 12],
    [at("tars", "0000{0..0}.tar"), 12],
    [join(shards, "mds"), 5],
    [join(shards, "snappy.parquet"), 8], // of 10 rows, one has no image, another no caption
  ] as const) {
    const { result, stderr } = await run("--retrieval", data, "--cache", at("cache"), "--json", at("shards.json"));
    expect([result, stderr], data).toEqual([0, expect.any(String)]);
    const { retrieval } = JSON.parse(await readFile(at("shards.json"), "utf8")) as {
      retrieval: { imageToText: { queries: number } };
    };
    expect(retrieval.imageToText.queries, data).toBe(images);
  }
  const { result, stderr } = await run("--retrieval", at("tars", "00000.tar"), "--separator", ";");
  expect([result, stderr]).toEqual([1, expect.stringMatching(/are for tables, and .*00000\.tar is none/)]);
  const useless = await run("--zero-shot", at("classes"), "--endpoint", "http://127.0.0.1:9");
  expect([useless.result, useless.stderr]).toEqual([2, expect.stringContaining("--endpoint is for the DATA")]);
});
