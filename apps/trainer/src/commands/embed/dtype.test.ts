// Embedding with weights of fewer bits, and with a folder of graphs.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { tokenizerFor } from "@clip-ts/inference";
import { clipSpec, preset } from "@clip-ts/model";
import { exportOnnxFolder, writeModel } from "@clip-ts/node";
import { captureOutput, startLocalHub, useEngine } from "@clip-ts/test-utils";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { commands } from "../index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-dtype-"));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

beforeAll(async () => {
  await useEngine("cpu");
  const config = preset("nano");
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(at("model"), description, initHostParams(clipSpec(config), 1));
  await exportOnnxFolder(at("model"), at("graphs"));
  const picture = sharp({ create: { width: 20, height: 16, channels: 3, background: { r: 200, g: 40, b: 90 } } });
  await picture.toFile(at("a.png"));
});
afterAll(async () => {
  await useEngine("cpu");
  await rm(folder, { recursive: true });
});

/** The features of the picture, and what was said of the engine. */
async function embedded(...options: string[]): Promise<{ row: number[]; stderr: string }> {
  const { result, stderr } = await run("embed", ...options, at("a.png"), "-o", at("out.jsonl"));
  expect(result, stderr).toBe(0);
  const { embedding } = JSON.parse(await readFile(at("out.jsonl"), "utf8")) as { embedding: number[] };
  return { row: embedding, stderr };
}

const farthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));

test("--dtype keeps weights with fewer bits, on ONNX Runtime unless an engine is named", async () => {
  const { row: whole } = await embedded(at("model"), "--engine", "onnx");
  for (const [dtype, words, limit] of [
    ["q8", "weights of 8 bits", 0.08],
    ["f16", "weights in half precision", 2e-3],
  ] as const) {
    const { row, stderr } = await embedded(at("model"), "--dtype", dtype);
    expect(stderr).toContain(words);
    expect(farthest(row, whole)).toBeLessThan(limit);
    expect(farthest(row, whole)).toBeGreaterThan(0);
  }
  const refused = await run(
    "embed",
    at("model"),
    at("a.png"),
    "-o",
    at("no.jsonl"),
    "--dtype",
    "q8",
    "--engine",
    "cpu",
  );
  expect(refused.result).toBe(1);
  expect(refused.stderr).toContain('The engine "cpu" keeps no weights as q8');
});

test("a folder of graphs embeds, in the precision asked for, and is not trained", async () => {
  const { row: whole } = await embedded(at("model"), "--engine", "onnx");
  const { row } = await embedded(at("graphs"));
  expect(farthest(row, whole)).toBeLessThan(1e-5);
  expect(farthest((await embedded(at("graphs"), "--dtype", "q8")).row, whole)).toBeLessThan(0.08);
  const words = ["classify", at("graphs"), at("a.png"), "--labels", "a cat,a dog", "--json", "-"];
  const { result, stdout } = await run(...words);
  expect([result, stdout.includes('"a cat"')]).toEqual([0, true]);
  const converted = await run("convert", at("graphs"), at("none"), "--to", "hf");
  expect(converted.result).toBe(1);
  expect(converted.stderr).toContain("holds ONNX graphs (onnx/) and no weights");
});

test("a repository of graphs is fetched in the precision asked for, once for all that a command needs", async () => {
  const hub = await startLocalHub();
  vi.stubEnv("HF_ENDPOINT", hub.endpoint).stubEnv("HF_HUB_CACHE", at("hub"));
  try {
    const entries = await readdir(at("graphs"), { recursive: true, withFileTypes: true });
    const files = new Map<string, Uint8Array>();
    for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
      const path = join(parentPath, name);
      files.set(relative(at("graphs"), path).replaceAll("\\", "/"), await readFile(path));
    }
    hub.repositories.set("owner/graphs", { files });
    const { row, stderr } = await embedded("hf-hub:owner/graphs", "--dtype", "q8");
    expect(row).toEqual((await embedded(at("graphs"), "--dtype", "q8")).row);
    expect(stderr).toContain("fetching onnx/vision_model_quantized.onnx");
    const asked = hub.requests.flatMap((line) => /^GET .*\/resolve\/\w+\/onnx\/(\S+)/u.exec(line)?.[1] ?? []);
    expect(asked.toSorted()).toEqual(["text_model_quantized.onnx", "vision_model_quantized.onnx"]);
  } finally {
    vi.unstubAllEnvs();
    await hub.close();
  }
});
