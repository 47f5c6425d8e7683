import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { openClip, tokenizerFor, writeModel } from "@clip-ts/node";
import { captureOutput, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../cli/main.ts";
import { commands } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-classify-"));
const model = join(folder, "model");
const image = join(folder, "image.png");
const labels = ["dog", "cat", "a red square", "ship"];
const run = (...argv: string[]) =>
  captureOutput(() => runProgram(commands, ["classify", model, ...argv, "--engine", "cpu"]));

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(model, description, initClip(config, 1));
  const create = { width: 24, height: 16, channels: 3, background: "red" } as const;
  await sharp({ create }).toFile(image);
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

/** The table that the library's own answer makes. */
async function expectedTable(templates?: readonly string[]): Promise<string[][]> {
  const clip = await openClip(model, { engine: "cpu" });
  const options = templates === undefined ? {} : { templates };
  const ranking = await clip.classify(image, labels, options);
  clip.dispose();
  return ranking.map(({ label, probability }) => [label, `${(100 * probability).toFixed(1)} %`]);
}

const cells = (stdout: string): string[][] =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));

test("labels are ranked with percentages, the best first", async () => {
  const left = await tensorsLeftBy(async () => {
    const { result, stdout, stderr } = await run(image, "--labels", labels.join(", "));
    expect(result).toBe(0);
    expect(stderr).toMatch(/^engine {2}cpu \([^]*\):\s+asked for\n$/);
    const rows = cells(stdout);
    expect(rows).toEqual(await expectedTable());
    const shares = rows.map(([, share]) => Number.parseFloat(share ?? ""));
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
  });
  expect(left).toBe(0);
});

test("labels from a file, templates of one's own, only the best", async () => {
  const file = join(folder, "labels");
  await writeFile(file, `${labels.join("\n")}\n`);
  const templates = ["{} in the snow", "a drawing of a {}"];
  const options = templates.flatMap((template) => ["--template", template]);
  const { stdout } = await run(image, "--labels", file, ...options, "--top", "2");
  expect(cells(stdout)).toEqual((await expectedTable(templates)).slice(0, 2));
});

test("an unreadable or missing image and a missing label file are errors", async () => {
  const broken = join(folder, "broken.jpg");
  await writeFile(broken, (await sharp(image).jpeg().toBuffer()).subarray(0, 200));
  const unreadable = await run(broken, "--labels", "a,b");
  expect([unreadable.result, unreadable.stdout]).toEqual([1, ""]);
  expect(unreadable.stderr).toMatch(/broken\.jpg is not a readable image/);
  const missing = await run(join(folder, "gone.png"), "--labels", "a,b");
  expect(missing.stderr).toMatch(/gone\.png cannot be read/);
  const unlisted = await run(image, "--labels", "gone.txt");
  expect([unlisted.result, unlisted.stderr]).toEqual([1, "clip-ts: There is no file gone.txt.\n"]);
});
