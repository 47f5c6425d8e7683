import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syntheticSource } from "@clip-ts/data";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { inspectEngines } from "@clip-ts/engines";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { runCommandLine } from "../cli/main.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";
import type { SourceKind } from "../cli/extension.ts";
import { commandsWith } from "./index.ts";

/** Drawn shapes, as a kind of source that the command line can name. */
const shapes: SourceKind = {
  kind: "shapes",
  firstCaption: "all",
  load: () =>
    Promise.resolve({
      schema: z.object({ kind: z.literal("shapes") }),
      open: () => Promise.resolve(syntheticSource({ count: 8, seed: 1 })),
      named: () => ({ kind: "shapes" }),
    }),
};
const commands = commandsWith({ sources: [shapes] });

const folder = await mkdtemp(join(tmpdir(), "clip-ts-probe-"));
const at = (...names: string[]): string => join(folder, ...names);
const runOn = (engine: string, ...argv: string[]) =>
  captureOutput(() => runCommandLine(commands, ["evaluate", at("model"), ...argv, "--engine", engine]));
const run = (...argv: string[]) => runOn("cpu", ...argv);

const hasTensorflow = inspectEngines().some(({ name, available }) => name === "tensorflow" && available);
const otherEngines = ["wasm", "onnx", ...(hasTensorflow ? ["tensorflow"] : [])];

const classes = ["<red>", "green", "blue"];

/** Squares of a class's colour, each a little off. */
async function drawClasses(name: string, count: number, offset: number): Promise<void> {
  for (const [channel, label] of classes.entries()) {
    await mkdir(at(name, label), { recursive: true });
    for (let index = 0; index < count; index++) {
      const colour = [0, 1, 2].map((other) => (other === channel ? 250 : 3 * index + offset));
      const [r = 0, g = 0, b = 0] = colour;
      const create = { width: 8, height: 8, channels: 3, background: { r, g, b } } as const;
      await sharp({ create })
        .png()
        .toFile(at(name, label, `${index}.png`));
    }
  }
}

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(at("model"), description, initClip(config, 4));
  await drawClasses("train", 10, 0);
  await drawClasses("test", 2, 50);
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

test("colours that a linear classifier tells apart are told apart", async () => {
  const files = ["--json", at("found.json"), "--report", at("found.html")];
  const { result, stdout } = await run("--linear-probe", at("train"), "--shots", "1,4", ...files);
  expect(result).toBe(0);
  const { probe } = JSON.parse(await readFile(at("found.json"), "utf8"));
  expect(probe).toMatchObject({ trainImages: 24, testImages: 6, accuracy: 1 });
  expect(probe.confusion).toEqual({ classes: 3, counts: [2, 0, 0, 0, 2, 0, 0, 0, 2] });
  expect(probe.fewShot.map(({ shots }: { shots: number }) => shots)).toEqual([1, 4]);
  expect(stdout).toMatch(/all, C = \S+ +100\.0 %/u);
  expect(stdout).toMatch(/by chance +33\.3 %/u);

  const page = await readFile(at("found.html"), "utf8");
  expect(page).toContain("&lt;red&gt;");
  expect(page).not.toContain("<red>");
  expect(page.match(/<svg /gu)).toHaveLength(2); // the sweep and the confusion matrix
  expect(page).not.toMatch(/(src|href)="http/u);
});

/** Everything that is measured, in `name`.json. */
async function measureOn(engine: string): Promise<Record<string, unknown>> {
  const probe = ["--linear-probe", at("train"), "--shots", "1,4"];
  const zeroShot = ["--zero-shot", at("test"), "--templates", "simple"];
  const retrieval = ["--retrieval", "shapes:few", "--limit", "8", "--diagnostics"];
  const json = ["--json", at(`${engine}.json`)];
  const { result } = await runOn(engine, ...probe, ...zeroShot, ...retrieval, ...json);
  expect(result).toBe(0);
  const { engine: used, ...measured } = JSON.parse(await readFile(at(`${engine}.json`), "utf8"));
  expect(used.name).toBe(engine);
  return measured;
}

/** The same, but for the digits in which engines differ. */
const nearly = (measured: Record<string, unknown>): unknown =>
  JSON.parse(JSON.stringify(measured), (_key, value: unknown) =>
    typeof value === "number" ? expect.closeTo(value, 4) : value,
  );

test("every engine measures what cpu measures", async () => {
  const byCpu = await measureOn("cpu");
  for (const engine of otherEngines) {
    const measured = await measureOn(engine);
    expect(measured["probe"], engine).toMatchObject({ accuracy: 1, converged: true });
    expect(measured, engine).toEqual(nearly(byCpu));
  }
});

test("test images may lie in a folder of their own", async () => {
  const { stdout } = await run("--linear-probe", at("train"), "--probe-test", at("test"));
  expect(stdout).toContain("3 classes, 30 images to learn from, 6 to test");
});

test("zero-shot and geometry join the page", async () => {
  const { result } = await run("--zero-shot", at("test"), "--report", at("zero.html"));
  expect(result).toBe(0);
  expect(await readFile(at("zero.html"), "utf8")).toContain("Zero-shot mistakes");
  const { stdout } = await run("--retrieval", "shapes:few", "--limit", "5", "--diagnostics");
  expect(stdout).toMatch(/modality gap +\d\.\d{3}  distance between/u);
});

test("a class with too few images says how many it needs", async () => {
  const probe = async (counts: readonly number[], ...more: string[]): Promise<string> => {
    const name = `few-${counts.join("-")}`;
    await drawClasses(name, 3, 0);
    for (const [index, label] of classes.entries()) {
      const kept = counts[index] ?? 0;
      const extra = [0, 1, 2].filter((image) => image >= kept);
      await Promise.all(extra.map((image) => rm(at(name, label, `${image}.png`))));
    }
    const { result, stderr } = await run("--linear-probe", at(name), ...more);
    return `${result} ${stderr}`;
  };
  expect(await probe([2, 2, 1])).toMatch(
    /^1 [^]*class "<red>" has 2 images and no class has more; a probe needs at least 3 in one class/u,
  );
  expect(await probe([1, 1, 1], "--probe-test", at("train"))).toMatch(
    /has 1 image and no class has more; a probe needs at least 2 in one class, to learn from and to/u,
  );
  expect(await probe([3, 1, 1])).toMatch(/^0 /u);
  expect(await probe([2, 1, 1], "--probe-test", at("train"))).toMatch(/^0 /u);
  expect(await probe([3, 3, 2], "--shots", "2")).toMatch(
    /^1 [^]*--shots 2 needs 2 images of each class to learn from, and class "blue" has 1 beside/u,
  );
});

test("what does not fit is refused", async () => {
  const shots = await run("--linear-probe", at("train"), "--shots", "1,some");
  expect(shots.result).toBe(2);
  expect(shots.stderr).toContain("--shots 1,some: expected whole numbers");
  await rm(at("test", "blue"), { recursive: true });
  const other = await run("--linear-probe", at("train"), "--probe-test", at("test"));
  expect(other.stderr).toContain("should hold the same classes as");
});
