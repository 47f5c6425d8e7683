import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset } from "@clip-ts/model";
import { captureOutput, useEngine } from "@clip-ts/test-utils";
import { bytesSource, openSafetensors, readAll } from "@clip-ts/weights";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-stdout-"));
const at = (...names: string[]): string => join(folder, ...names);
const program = fileURLToPath(new URL("../../bin/clip-ts.js", import.meta.url));
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));
const cpu = ["--engine", "cpu"];

beforeAll(async () => {
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(at("model"), description, initClip(config, 1));
  for (const [name, background] of [
    ["a/red.png", "red"],
    ["b/blue.png", "blue"],
  ] as const) {
    await mkdir(at("classes", name, ".."), { recursive: true });
    const create = { width: 12, height: 12, channels: 3, background } as const;
    await sharp({ create }).toFile(at("classes", name));
  }
  await writeFile(at("classes", "a", "broken.png"), "not an image");
  await mkdir(at("run"));
  const step = { step: 0, loss: 1, learningRate: 1, gradNorm: 1, logitScale: 1, accuracy: 1 };
  const metrics = { ...step, images: 4, dataMs: 1, computeMs: 1 };
  await writeFile(at("run", "metrics.jsonl"), `${JSON.stringify(metrics)}\n`);
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

test("every option that writes one file takes - for stdout, and says so", () => {
  const writing = commands.flatMap(({ name, options }) =>
    Object.entries(options)
      .filter(([, { writes }]) => writes === true)
      .map(([option, { help }]) => [`${name} --${option}`, /- is stdout/.test(help)]),
  );
  expect(Object.fromEntries(writing)).toEqual({
    "report --output": true,
    "data index --json": true,
    "data stats --json": true,
    "data stats --html": true,
    "data check --json": true,
    "data check --list": true,
    "data prepare --json": true,
    "runs --json": true,
    "runs --html": true,
    "evaluate --json": true,
    "evaluate --report": true,
    "classify --json": true,
    "embed --output": true,
    "index --json": true,
    "search --json": true,
    "search --html": true,
    "forward --output": true,
    "models --json": true,
    "preprocess --output": true,
  });
});

test("evaluate --json - leaves the document alone on stdout, the tables on stderr", async () => {
  const words = ["evaluate", at("model"), "--zero-shot", at("classes"), ...cpu];
  const { result, stdout, stderr } = await run(...words, "--json", "-");
  expect(result).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ model: at("model"), zeroShot: { images: 2 } });
  expect(stderr).toMatch(/^engine {2}cpu[^]*top-1[^]*left out of zero-shot: 1 image/m);
  await run(...words, "--json", at("same.json"));
  expect(await readFile(at("same.json"), "utf8")).toBe(stdout);
});

test("evaluate --report - and report -o - print the page alone", async () => {
  const words = ["evaluate", at("model"), "--zero-shot", at("classes"), ...cpu];
  const evaluated = await run(...words, "--report", "-");
  const drawn = await run("report", at("run"), "-o", "-");
  for (const { result, stdout } of [evaluated, drawn]) {
    expect(result).toBe(0);
    expect(stdout).toMatch(/^<!doctype html>[^]*<\/html>\n?$/i);
  }
  expect(drawn.stderr).toBe("");
  expect(existsSync(at("run", "report.html"))).toBe(false);
});

test("embed -o - prints a line of JSON for each input", async () => {
  const words = ["embed", at("model"), at("classes"), ...cpu];
  const { result, stdout, stderr } = await run(...words, "-o", "-");
  expect(result).toBe(0);
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { input: string; embedding: number[] });
  expect(rows.map(({ input }) => input)).toEqual([at("classes", "a", "red.png"), at("classes", "b", "blue.png")]);
  for (const { embedding } of rows) expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  expect(stderr).toMatch(/wrote \[2, 8\] to stdout\nleft out: 1 image/);
});

test("what libraries log while a file is printed goes to stderr, and only then", async () => {
  const chatty = {
    name: "act",
    words: "",
    needs: 0,
    summary: "acts",
    options: { out: { type: "string", writes: true, help: "file" } },
    run: () => {
      console.log("hello");
      return Promise.resolve();
    },
  } as const;
  const { log } = console;
  const { stdout } = await captureOutput(() => runCommandLine([chatty], ["act", "--out", "-"]));
  expect(stdout).toBe("");
  expect(console.log).toBe(log);
});

test("tensors come whole through a pipe: preprocess -o -, and from there forward", async () => {
  const start = (...argv: string[]) => spawnSync(process.execPath, [program, ...argv], { maxBuffer: 2 ** 26 });
  const written = start("preprocess", at("model"), at("classes", "b"), "-o", "-");
  expect(written.status).toBe(0);
  await writeFile(at("in.safetensors"), written.stdout);
  const forward = start("forward", at("model"), at("in.safetensors"), ...cpu, "-o", "-");
  expect([forward.status, String(forward.stderr)]).toEqual([0, expect.stringMatching(/to stdout/)]);
  const file = await openSafetensors(bytesSource(forward.stdout), "stdout");
  const { image_embeds: embeds } = await readAll(file);
  expect(embeds?.shape).toEqual([1, 8]);
});
