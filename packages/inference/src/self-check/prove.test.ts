import { ClipError } from "@clip-ts/base";
import { initHostParams, type HostArrays } from "@clip-ts/core";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess } from "@clip-ts/image";
import { clipSpec, preset } from "@clip-ts/model";
import {
  copyRegisteredKernels,
  findBackendFactory,
  getKernel,
  memory,
  registerBackend,
  registerKernel,
  removeBackend,
  setBackend,
  unregisterKernel,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { engineEmbedder } from "../compiled-towers.ts";
import { tokenizerFor } from "../read-tokenizer.ts";
import { openProved, type OnEngine, type ProveParts, type RefusedEngines } from "./prove.ts";
import { makeSelfCheck } from "./self-check.ts";

const config = preset("nano");
const model = { name: "the model", config, preprocess: clipPreprocess(8), ...tokenizerFor(config) };
const weights = initHostParams(clipSpec(config), 3);

/** A backend of tfjs that computes like its CPU's, but that every product of matrices has a 0 in its first place. */
function addWrongBackend(name: string): void {
  copyRegisteredKernels("cpu", name);
  const { kernelFunc } = getKernel("BatchMatMul", "cpu")!;
  unregisterKernel("BatchMatMul", name);
  registerKernel({
    kernelName: "BatchMatMul",
    backendName: name,
    kernelFunc(given) {
      const product = kernelFunc(given) as TensorInfo;
      const backend = given.backend as { readonly data: Map<object, { readonly values: Float32Array }> };
      backend.data.get(product.dataId)!.values[0] = 0;
      return product;
    },
  });
  registerBackend(name, findBackendFactory("cpu"));
}

interface Engine {
  readonly name: string;
}

async function openOn(name: string, params: HostArrays): Promise<OnEngine<Engine>> {
  await setBackend(name);
  return { engine: { name }, embedder: await engineEmbedder(params, config, undefined) };
}

/** How the first of these engines that is not refused is opened. */
const firstOf =
  (names: readonly string[], params: HostArrays = weights) =>
  async (refused: RefusedEngines): Promise<OnEngine<Engine>> => {
    const name = names.find((each) => !(each in refused));
    if (name === undefined) throw new ClipError("engine-unavailable", "No engine could be started.");
    return openOn(name, params);
  };

await startEngine("cpu");
await startEngine("wasm");
addWrongBackend("wrong");
const right = await openOn("cpu", weights);
const madeBy = { engine: "cpu", precision: "f32", version: "1.0.0" } as const;
const check = await makeSelfCheck({ description: model, embedder: right.embedder }, madeBy);
right.embedder.dispose();
await setBackend("wasm"); // so that the backends of the tests hold nothing yet
afterAll(async () => {
  await setBackend("cpu");
  removeBackend("wrong");
});

/** Opens the model on engines; @returns the one that computes, what was said, and who passed. */
async function prove(
  open: ProveParts<Engine>["open"],
  more: Partial<ProveParts<Engine>> = {},
): Promise<{ readonly name: string; readonly said: readonly string[]; readonly passed: readonly string[] }> {
  const [said, passed]: [string[], string[]] = [[], []];
  const onPassed = ({ name }: Engine): Promise<void> => Promise.resolve(void passed.push(name));
  const onNotice = (line: string): void => void said.push(line);
  const parts = { model, check, open, precisionOf: () => "f32" as const, onNotice, onPassed, ...more };
  const { engine, embedder } = await openProved<Engine>(parts);
  embedder.dispose();
  return { name: engine.name, said, passed };
}

const flipped = (): HostArrays => {
  const path = "visual_projection.weight";
  const { data, shape } = weights[path]!;
  const changed = Float32Array.from(data as Float32Array, (value, at) => (at === 5 ? -value : value));
  return { ...weights, [path]: { data: changed, shape } };
};

test("the first engine computes where it is right, and nothing is said", async () => {
  expect(await prove(firstOf(["wasm", "cpu"]))).toEqual({ name: "wasm", said: [], passed: ["wasm"] });
});

test("an engine that computes wrongly is named, with how far it is off, and the next computes", async () => {
  const { name, said, passed } = await prove(firstOf(["wrong", "wasm", "cpu"]));
  expect([name, passed]).toEqual(["wasm", ["wasm"]]);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(
    /^the engine "wrong" computes wrongly: features are up to [\d.]+ from those in self-check\.json, where 0\.0001 is allowed: wasm computes instead$/u,
  );
});

test("an engine that stops has failed too", async () => {
  const opened = async (refused: RefusedEngines): Promise<OnEngine<Engine>> => {
    if ("stops" in refused) return openOn("cpu", weights);
    const { embedder } = await openOn("cpu", weights);
    const texts = (): Promise<never> => Promise.reject(new Error("out of memory"));
    return { engine: { name: "stops" }, embedder: { ...embedder, texts } };
  };
  const { name, said } = await prove(opened);
  expect([name, said]).toEqual([
    "cpu",
    ['the engine "stops" computes wrongly: it stops with out of memory: cpu computes instead'],
  ]);
});

test("damaged weights are told from wrong engines: the engines agree with each other", async () => {
  const open = firstOf(["wasm", "cpu"], flipped());
  await expect(prove(open)).rejects.toMatchObject({ code: "bad-weights", data: { engines: ["wasm", "cpu"] } });
  await expect(prove(open)).rejects.toThrow("the model fails its proof (self-check.json) though its engines agree");
  const another = firstOf(["cpu"], flipped());
  await expect(prove(firstOf(["wasm"], flipped()), { another })).rejects.toMatchObject({ code: "bad-weights" });
});

test("an engine that was asked for by name is refused, and another tells that it is not the weights", async () => {
  const another = firstOf(["cpu"]);
  const refused = prove(firstOf(["wrong"]), { another });
  await expect(refused).rejects.toMatchObject({ code: "engine-unavailable", data: { engine: "wrong" } });
  await expect(refused).rejects.toThrow(/"wrong" computes wrongly: .*cpu computes it rightly: name that one, or none/u);
  const alone = prove(firstOf(["wrong"]), { another: () => Promise.resolve(undefined) });
  await expect(alone).rejects.toThrow('With engine "auto" another one is tried');
});

test("where none passes each is named with what is wrong", async () => {
  const off: ProveParts<Engine>["open"] = async (refused) => {
    const opened = await firstOf(["wrong", "cpu"])(refused);
    if (opened.engine.name === "wrong") return opened;
    const images = async (pixels: Float32Array, rows: number): Promise<Float32Array> =>
      (await opened.embedder.images(pixels, rows)).fill(Number.NaN);
    return { ...opened, embedder: { ...opened.embedder, images } };
  };
  const failed = prove(off);
  await expect(failed).rejects.toMatchObject({ code: "engine-unavailable", data: { engines: ["wrong", "cpu"] } });
  await expect(failed).rejects.toThrow(/on every engine that runs here:\n {2}wrong: .*\n {2}cpu: .*no number/u);
  // an opener that gives the refused engine again does not go round forever
  await expect(prove(() => openOn("wrong", weights))).rejects.toMatchObject({ code: "engine-unavailable" });
});

test("another tokenizer or preprocessing is no engine's fault: the first one says so", async () => {
  const others = { ...model, preprocess: { ...model.preprocess, resize: "squash" as const } };
  const refused = prove(firstOf(["wasm", "cpu"]), { model: others });
  await expect(refused).rejects.toMatchObject({ code: "bad-data", data: { fault: "preprocessing" } });
  await expect(refused).rejects.toThrow("preprocessor_config.json");
});

test("an engine that is known is not asked again, and every embedder that is given up is disposed", async () => {
  const isKnown = ({ name }: Engine): Promise<boolean> => Promise.resolve(name === "wrong");
  const { name, passed } = await prove(firstOf(["wrong", "cpu"]), { isKnown });
  expect([name, passed]).toEqual(["wrong", []]);
  const before = memory().numTensors;
  await prove(firstOf(["wrong", "cpu"]));
  await prove(firstOf(["wasm", "cpu"], flipped())).catch(() => undefined);
  expect(memory().numTensors).toBe(before);
});
