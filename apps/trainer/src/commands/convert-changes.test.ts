// What `convert` changes of a model on its way: the same for every target.
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { initClip, preset, type ClipConfig } from "@clip-ts/model";
import { captureOutput, goldenPath, writeGoldenModel } from "@clip-ts/test-utils";
import { saveParams, toBytes } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-changes-"));
afterAll(() => rm(folder, { recursive: true }));
const at = (...names: string[]): string => join(folder, ...names);
const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, argv));

/** A folder with a small model whose weights depend on the seed. */
async function writeNano(name: string, seed: number, changes: object = {}): Promise<string> {
  const config = { ...preset("nano"), ...changes } as ClipConfig;
  const params = initClip(config, seed);
  const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
  await writeModel(at(name), description, params);
  dispose(flattenTree<Tensor>(params));
  return at(name);
}

const first = await writeNano("first", 1);
const second = await writeNano("second", 2);
const targets = "hf openai open_clip big_vision torchvision roberta onnx savedmodel".split(" ");
const graphFiles = { onnx: "onnx/model.onnx", savedmodel: "saved_model.pb" } as const;

test.each(Object.entries(graphFiles))("%s holds the interpolated weights at the new resolution", async (to, file) => {
  const changes = ["--interpolate", second, "--alpha", "0.25", "--image-size", "12"];
  const precision = to === "onnx" ? ["--dtype", "f32"] : [];
  const convert = async (model: string, name: string, ...options: string[]): Promise<Buffer> => {
    const words = ["convert", model, at(name), "--to", to, ...precision, ...options];
    const { result, stderr } = await run(...words);
    expect(result, stderr).toBe(0);
    return readFile(at(name, file));
  };
  const changed = await run("convert", first, at(`mixed-${to}`), "--to", "hf", ...changes);
  expect(changed.result, changed.stderr).toBe(0);
  const expected = await convert(at(`mixed-${to}`), `two-steps-${to}`);
  expect((await convert(first, `one-step-${to}`, ...changes)).equals(expected)).toBe(true);
  expect((await convert(first, `plain-${to}`)).equals(expected)).toBe(false);
  const config = await readFile(at(`one-step-${to}`, "config.json"), "utf8");
  expect(JSON.parse(config)).toMatchObject({ vision_config: { image_size: 12 } });
});

test("values that make no sense are wrong usage, whatever is written", async () => {
  for (const target of targets) {
    const refusal = async (...options: string[]): Promise<string> => {
      const { result, stderr } = await run("convert", first, at("none"), "--to", target, ...options);
      expect(result, stderr).toBe(2);
      return stderr;
    };
    const mix = ["--interpolate", second];
    expect(await refusal(...mix, "--alpha", "7")).toContain("--alpha 7: expected a number from 0");
    expect(await refusal("--alpha", "0.5")).toContain("--alpha goes with --interpolate");
    expect(await refusal("--image-size", "12.5")).toContain("expected whole pixels");
    expect(await refusal("--activation", "foo")).toContain("expected one of gelu, quick_gelu, gelu_pytorch_tanh");
  }
  await expect(readdir(at("none"))).rejects.toThrow("ENOENT");
});

test("--activation is heard by graphs, and refused where the model itself says another", async () => {
  const config = preset("tiny");
  const params = initClip(config, 1);
  const file = at("bare.safetensors");
  await writeFile(file, toBytes(await saveParams(params)));
  dispose(flattenTree<Tensor>(params));
  const words = ["convert", file, at("bare"), "--to", "onnx", "--dtype", "f32"];
  const written = await run(...words, "--preset", "tiny", "--activation", "quick_gelu");
  expect(written.result, written.stderr).toBe(0);
  const json = JSON.parse(await readFile(at("bare", "config.json"), "utf8")) as object;
  expect(json).toMatchObject({ vision_config: { hidden_act: "quick_gelu" } });
  const model = writeGoldenModel(at("quick"), "hf");
  const contradicted = await run("convert", model, at("none"), "--to", "hf", "--activation", "gelu");
  expect([contradicted.result, contradicted.stderr.split("\n").at(-2)]).toEqual([
    1,
    `clip-ts: --activation gelu is for weights that come without a config, and ${model} itself says ` +
      "quick_gelu: leave the option out, or correct the config.",
  ]);
});

test("models of two architectures are named with what differs, in one sentence", async () => {
  const narrow = await writeNano("narrow", 1, {
    vision: { ...preset("nano").vision, mlpWidth: 24 },
    projectionDim: 4,
  });
  const mix = async (other: string, target: string): Promise<string> => {
    const words = ["convert", first, at("none"), "--to", target, "--interpolate", other];
    const { result, stderr } = await run(...words);
    expect(result).toBe(1);
    return stderr;
  };
  const siglip = join(goldenPath("siglip/config.json"), "..");
  for (const target of ["hf", "onnx"]) {
    expect(await mix(narrow, target)).toBe(
      `clip-ts: Only models of one architecture can be interpolated, and ${first} and ${narrow} differ in ` +
        "vision.mlpWidth (64 and 24), projectionDim (8 and 4).\n",
    );
    expect(await mix(siglip, target)).toMatch(/differ in .*vision\.width \(16 and \d+\).* more\.\n$/u);
  }
});
