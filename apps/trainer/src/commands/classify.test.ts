import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { openClip, writeModel } from "@clip-ts/node";
import { captureOutput, tensorsLeftBy, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { tokenizerFor } from "@clip-ts/inference";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-classify-"));
const model = join(folder, "model");
const image = join(folder, "image.png");
const labels = ["dog", "cat", "a red square", "ship"];
const run = (...argv: string[]) =>
  captureOutput(() => runCommandLine(commands, ["classify", model, ...argv, "--engine", "cpu"]));

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
    expect(stderr).toMatch(/^engine {2}cpu \([^]*\):\s+asked\s+for\n$/);
    const rows = cells(stdout);
    expect(rows).toEqual(await expectedTable());
    const shares = rows.map(([, share]) => Number.parseFloat(share ?? ""));
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
  });
  expect(left).toBe(0);
});

test("labels from a file, templates of one's own, only the best", async () => {
  const file = join(folder, "labels.txt");
  await writeFile(file, `${labels.join("\n")}\n`);
  const templates = ["{} in the snow", "a drawing of a {}"];
  const options = templates.flatMap((template) => ["--template", template]);
  const { stdout } = await run(image, "--labels", file, ...options, "--top", "2");
  expect(cells(stdout)).toEqual((await expectedTable(templates)).slice(0, 2));
  await rename(file, join(folder, "labels"));
  const marked = await run(image, "--labels", `@${join(folder, "labels")}`, ...options);
  expect(cells(marked.stdout)).toEqual(await expectedTable(templates));
});

test("a label is the word, whatever lies in the folder under its name", async () => {
  const place = process.cwd();
  process.chdir(folder);
  try {
    await mkdir("cat");
    const besideFolder = await run(image, "--labels", "cat");
    expect(besideFolder).toMatchObject({ result: 0, stdout: "cat  100.0 %\n" });
    expect(besideFolder.stderr).toMatch(/^engine [^]*:\s+asked\s+for\n$/);
    await writeFile("dog", "a\nb\n");
    const besideFile = await run(image, "--labels", "dog");
    expect(besideFile.stdout).toBe("dog  100.0 %\n");
    expect(besideFile.stderr).toMatch(/dog is the word; for the file of that name write @dog\n/);
  } finally {
    process.chdir(place);
  }
});

test("of many images each has its table and its part of the JSON, unreadable ones left out", async () => {
  const many = join(folder, "many");
  await mkdir(many);
  const create = { width: 9, height: 9, channels: 3, background: "blue" } as const;
  await sharp({ create }).toFile(join(many, "blue.png"));
  await writeFile(join(many, "broken.png"), "no image");
  const server = createServer((_request, response) => void response.end(picture));
  const picture = await readFile(image);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/red.png`;
  const words = [image, many, address, "--labels", "dog,cat", "--top", "1"];
  const plain = await run(...words);
  const piped = await run(...words, "--json", "-");
  server.close();
  const names = [image, join(many, "blue.png"), address];
  expect(plain.stdout.split("\n\n").map((part) => part.split("\n")[0])).toEqual(names);
  expect(plain.stderr).toMatch(/left out: 1 image that cannot be read\n/);
  const found = JSON.parse(piped.stdout) as {
    images: { image: string; labels: Record<"label" | "score" | "probability", unknown>[] }[];
    skipped: { name: string }[];
  };
  expect(found.images.map((entry) => entry.image)).toEqual(names);
  expect(found.skipped.map(({ name }) => name)).toEqual([join(many, "broken.png")]);
  const clip = await openClip(model, { engine: "cpu" });
  const [best] = await clip.classify(image, ["dog", "cat"]);
  clip.dispose();
  for (const entry of [found.images[0], found.images[2]]) {
    expect(entry?.labels).toEqual([
      {
        label: best!.label,
        score: expect.closeTo(best!.score, 5),
        probability: expect.closeTo(best!.probability, 5),
        similarity: expect.closeTo(best!.similarity, 5),
      },
    ]);
  }
});

test("an unreadable or missing image and a missing label file are errors", async () => {
  const broken = join(folder, "broken.jpg");
  await writeFile(broken, (await sharp(image).jpeg().toBuffer()).subarray(0, 200));
  const unreadable = await run(broken, "--labels", "a,b");
  expect([unreadable.result, unreadable.stdout]).toEqual([1, ""]);
  expect(unreadable.stderr).toMatch(/broken\.jpg is not a readable image/);
  const missing = await run(join(folder, "gone.png"), "--labels", "a,b");
  expect(missing.stderr).toMatch(/no file or folder .*gone\.png/);
  const unlisted = await run(image, "--labels", "gone.txt");
  expect([unlisted.result, unlisted.stderr]).toEqual([1, expect.stringMatching(/^clip-ts: gone\.txt cannot be read/)]);
});
