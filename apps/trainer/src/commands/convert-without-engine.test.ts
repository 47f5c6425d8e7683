// `convert` only moves and mixes arrays: here there is no engine that it could start.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, preset } from "@clip-ts/model";
import { interpolateWeights } from "@clip-ts/optim";
import { captureOutput, goldenPath } from "@clip-ts/test-utils";
import { engine, removeBackend, scalar } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../cli/main.ts";
import { commands } from "./index.ts";
import { writeJoinedModel } from "./shared/joined-model.test.ts";
import { tokenizerFor } from "@clip-ts/inference";
import { writeModel } from "@clip-ts/node";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
const draw = (seed: number) => initHostParams(clipSpec(config), seed);
let root = "";
const at = (...names: string[]): string => join(root, ...names);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-convert-"));
  for (const name of Object.keys(engine().registryFactory)) removeBackend(name);
  expect(() => scalar(1)).toThrow("No backend found");
  await writeModel(at("first"), description, draw(1));
  await writeModel(at("second"), description, draw(2));
  await writeJoinedModel(at("joined"));
});
afterAll(() => rm(root, { recursive: true }));

async function convert(model: string, ...words: string[]): Promise<void> {
  const argv = ["convert", model, ...words];
  const { result, stderr } = await captureOutput(() => runCommandLine(commands, argv));
  expect(result, stderr).toBe(0);
}

test.each([
  ["hf", "first"],
  ["openai", "first"],
  ["open_clip", "first"],
  ["torchvision", "joined"],
  ["roberta", "joined"],
])("--to %s", async (target, model) => {
  await convert(at(model), at(`as-${target}`), "--to", target);
});

test("--to big_vision", async () => {
  await convert(join(goldenPath("siglip/config.json"), ".."), at("jax"), "--to", "big_vision");
});

test("--interpolate writes what interpolateWeights gives", async () => {
  const mix = ["--interpolate", at("second"), "--alpha", "0.3"];
  await convert(at("first"), at("mixed"), "--to", "hf", ...mix);
  await writeModel(at("expected"), description, interpolateWeights(draw(1), draw(2), 0.3));
  const [mixed, expected] = ["mixed", "expected"].map((name) => readFile(at(name, "model.safetensors")));
  expect((await mixed!).equals(await expected!)).toBe(true);
});
