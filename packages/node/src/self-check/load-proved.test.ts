import { copyFile, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initHostParams } from "@clip-ts/core";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess } from "@clip-ts/image";
import { embedderOnDemand, loadEmbedder, tokenizerFor } from "@clip-ts/inference";
import { clipSpec, preset } from "@clip-ts/model";
import { useEngine } from "@clip-ts/test-utils";
import { getKernel, registerKernel, unregisterKernel, type TensorInfo } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { openClip, type OpenClipOptions } from "../open-clip.ts";
import { openModel } from "../open-model.ts";
import { writeModel } from "../write-model.ts";
import { loadProved } from "./load-proved.ts";
import { proofOf, writeSelfCheck } from "./write-self-check.ts";

const config = preset("nano");
const description = { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
let root = "";
const file = (name: string): string => join(root, "model", name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clip-ts-proved-"));
  vi.stubEnv("XDG_CACHE_HOME", join(root, "cache"));
});
beforeEach(async () => {
  await rm(join(root, "cache"), { recursive: true, force: true });
  await writeModel(join(root, "model"), description, initHostParams(clipSpec(config), 5));
  const engine = await startEngine("cpu");
  const model = await openModel(join(root, "model"));
  const embedder = await loadEmbedder(model);
  await model.close();
  await writeSelfCheck(join(root, "model"), await proofOf({ description: model, embedder }, engine));
  embedder.dispose();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await useEngine("cpu");
  await rm(root, { recursive: true });
});

/** Opens the model and embeds a caption; @returns what was said. */
async function open(options: OpenClipOptions = {}): Promise<string[]> {
  const said: string[] = [];
  const clip = await openClip(join(root, "model"), { ...options, onNotice: (line) => said.push(line) });
  expect((await clip.embedTexts(["a cat"])).rows).toBe(1);
  clip.dispose();
  return said;
}

/** Runs with a kernel of a tfjs backend that has a 0 in the first place of every product of matrices. */
async function withWrongKernel<Result>(backendName: string, use: () => Promise<Result>): Promise<Result> {
  await startEngine("wasm");
  const right = getKernel("BatchMatMul", backendName)!;
  const wrong = (given: Parameters<typeof right.kernelFunc>[0]): TensorInfo => {
    const product = right.kernelFunc(given) as TensorInfo;
    const backend = given.backend as { readonly typedArrayFromHeap: (info: TensorInfo) => Float32Array };
    backend.typedArrayFromHeap(product)[0] = 0;
    return product;
  };
  unregisterKernel("BatchMatMul", backendName);
  registerKernel({ ...right, kernelFunc: wrong });
  try {
    return await use();
  } finally {
    unregisterKernel("BatchMatMul", backendName);
    registerKernel(right);
  }
}

/** Flips the sign of one weight, and leaves the file's size and time as they were. */
async function flipWeight({ keepsTime }: { readonly keepsTime: boolean }): Promise<void> {
  const path = file("model.safetensors");
  const { atime, mtime } = await stat(path);
  const bytes = await readFile(path);
  const head = Number(bytes.readBigUInt64LE(0));
  const names = JSON.parse(bytes.subarray(8, 8 + head).toString()) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const first = 8 + head + names["visual_projection.weight"]!.data_offsets[0];
  bytes[first + 3] = (bytes[first + 3] ?? 0) ^ 0x80;
  await writeFile(path, bytes);
  if (keepsTime) await utimes(path, atime, mtime);
}

test("every engine passes and nothing is said", async () => {
  for (const engine of ["auto", "onnx", "wasm", "cpu", "current"] as const) {
    expect([engine, await open({ engine, selfCheck: "always" })]).toEqual([engine, []]);
  }
});

test("the wrong one is named and the next of the automatic order computes", async () => {
  const said: string[] = [];
  const others = { "tensorflow-gpu": "not here", tensorflow: "not here", onnx: "not here" };
  const model = await openModel(join(root, "model"));
  const { engine, embedder } = await withWrongKernel("wasm", () =>
    loadProved(model, {
      start: (refused) => startEngine("auto", { refused: { ...others, ...refused } }),
      onNotice: (line) => said.push(line),
    }),
  );
  embedder.dispose();
  await model.close();
  expect(engine.name).toBe("cpu");
  expect(engine.reason).toContain('wasm: the engine "wasm" computes wrongly');
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(
    /^the engine "wasm" computes wrongly: features are up to .* is allowed: cpu computes instead$/u,
  );
});

test("the wrong one is refused where it was asked for", async () => {
  const refused = withWrongKernel("wasm", () => open({ engine: "wasm" }));
  await expect(refused).rejects.toThrow(/"wasm" computes wrongly.*computes it rightly: name that one, or none/u);
});

test("damaged weights are not blamed on an engine; with off they are used as they are", async () => {
  await flipWeight({ keepsTime: false });
  for (const engine of ["auto", "wasm"] as const) {
    await expect(open({ engine })).rejects.toMatchObject({ code: "bad-weights" });
    await expect(open({ engine })).rejects.toThrow("The weights are damaged");
  }
  expect(await open({ selfCheck: "off" })).toEqual([]);
});

test("what passed is remembered until a file's size or time, or the engine, is another", async () => {
  const whole = new Date(1_700_000_000_000); // a time that can be set again to the same number
  await utimes(file("model.safetensors"), whole, whole);
  expect(await open({ engine: "wasm" })).toEqual([]);
  await flipWeight({ keepsTime: true });
  expect(await open({ engine: "wasm" })).toEqual([]); // by size and time it is the model that passed
  await expect(open({ engine: "wasm", selfCheck: "always" })).rejects.toThrow("damaged");
  await expect(open({ engine: "cpu" })).rejects.toThrow("damaged");
  const { atime, mtime } = await stat(file("model.safetensors"));
  await utimes(file("model.safetensors"), atime, new Date(mtime.getTime() + 5000));
  await expect(open({ engine: "wasm" })).rejects.toThrow("damaged");
});

test("at another image size captions are held against the proof", async () => {
  expect(await open({ engine: "cpu", imageSize: 16, selfCheck: "always" })).toEqual([]);
  await writeModel(join(root, "model"), description, initHostParams(clipSpec(config), 6));
  await expect(open({ engine: "cpu", imageSize: 16 })).rejects.toThrow("damaged");
});

test("a damaged proof, or a cache that is none, is said or done without", async () => {
  await copyFile(file("config.json"), file("self-check.json"));
  await expect(open()).rejects.toThrow(/self-check\.json is damaged, or no proof of a model: expected format 1/u);
  await rm(file("self-check.json"));
  expect(await open()).toEqual([]);
});

test("a check of captions alone passes where only the vision tower is damaged, and is not taken for the whole", async () => {
  await flipWeight({ keepsTime: false });
  const model = await openModel(join(root, "model"));
  const said: string[] = [];
  const { embedder } = await loadProved(model, {
    start: () => startEngine("cpu"),
    asked: "named",
    load: (model, { compiler }) => embedderOnDemand(model, compiler),
    seesNoPictures: true,
    onNotice: (line) => said.push(line),
  });
  embedder.dispose();
  expect(said).toEqual([]);
  await expect(open({ engine: "cpu" })).rejects.toThrow("fails its proof");
});
