// Models and checkpoints are drawn, written and read in a process that has no engine at all.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flattenTree, initHostParams, toHost, type HostArray, type HostArrays } from "@clip-ts/core";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, initClip, preset } from "@clip-ts/model";
import { dispose, engine, removeBackend, scalar, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHostSlots, saveCheckpoint } from "./checkpoint.ts";
import { loadHostTower, closing, loadHostParams, tokenizerFor } from "@clip-ts/inference";
import { openModel, withWeights } from "./open-model.ts";
import { writeModel } from "./write-model.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
const params = initHostParams(clipSpec(config), 3);
const moments: HostArrays = {
  "a.weight": { data: Float32Array.of(-0, 1e-45, 3.4e38, -1 / 3), shape: [2, 2] },
  "a.bias": { data: Float32Array.of(Infinity), shape: [] },
};
let root = "";
let ofTensors: Buffer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-no-engine-"));
  const drawn = initClip(config, 3);
  await writeModel(join(root, "tensors"), description, drawn);
  ofTensors = await readFile(join(root, "tensors", "model.safetensors"));
  const found: Record<string, HostArray> = {};
  for (const [path, leaf] of Object.entries(flattenTree<Tensor>(drawn))) {
    found[path] = await toHost(leaf);
  }
  expect(params).toEqual(found);
  dispose(Object.values(flattenTree<Tensor>(drawn)));
  for (const name of Object.keys(engine().registryFactory)) removeBackend(name);
  expect(() => scalar(1)).toThrow("No backend found");
});
afterAll(() => rm(root, { recursive: true }));

test("a model's file is byte for byte the one that tensors give, and is read again", async () => {
  const folder = join(root, "arrays");
  await writeModel(folder, description, params);
  expect(await readFile(join(folder, "model.safetensors"))).toEqual(ofTensors);
  expect(await closing(await openModel(folder), loadHostParams)).toEqual(params);
});

test("a tower comes under its paths in the whole model", async () => {
  const tower = await withWeights(join(root, "tensors"), (file) => loadHostTower(file, config, "text"));
  const paths = Object.keys(params).filter((path) => path.startsWith("text_model."));
  expect(tower).toEqual(Object.fromEntries(paths.map((path) => [path, params[path]])));
});

test("a checkpoint's parameters and slots come back bit for bit", async () => {
  const slots = { first: moments, second: {} };
  const folder = await saveCheckpoint(root, description, { step: 2, params, slots, state: {} });
  expect(await closing(await openModel(folder), loadHostParams)).toEqual(params);
  expect(await readHostSlots(folder, ["first"])).toEqual({ first: moments });
  await expect(readHostSlots(folder, ["first", "other"])).rejects.toMatchObject({
    code: "bad-weights",
  });
});
