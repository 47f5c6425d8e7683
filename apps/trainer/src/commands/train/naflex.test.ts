import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isPatches } from "@clip-ts/image";
import { formatClipConfig, preset, type ClipConfig } from "@clip-ts/model";
import { localStore, writeTar, writeTarIndexes, type TarSampleFiles } from "@clip-ts/node";
import { writeFileWhole } from "@clip-ts/files";
import { formatPreprocessorConfig, naflexPreprocess } from "@clip-ts/image";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { openTrainingBatches } from "../../config/batches.ts";
import { openRunModel } from "../../config/model.ts";
import { configOf, folder, takeSteps } from "./run-here.test.ts";

const { vision, ...rest } = preset("nano");
const config = { ...rest, vision: { ...vision, kind: "naflex", imageSize: 16 } } as ClipConfig;
const model = { config: join(folder, "naflex", "config.json") };

/** Pictures of several shapes, each of one colour. */
async function* pictures(): AsyncGenerator<TarSampleFiles> {
  const colors = ["red", "green", "blue", "white", "black", "yellow"] as const;
  for (const [number, background] of [...colors, ...colors].entries()) {
    const create = { width: 10 + 7 * (number % 5), height: 20, channels: 3, background } as const;
    const jpg = await sharp({ create }).jpeg().toBuffer();
    yield { key: String(number).padStart(6, "0"), files: { jpg, txt: `a ${background} picture, ${number}` } };
  }
}

beforeAll(async () => {
  mkdirSync(join(folder, "naflex"), { recursive: true });
  writeFileSync(model.config, JSON.stringify(formatClipConfig(config)));
  const preprocessor = JSON.stringify(formatPreprocessorConfig(naflexPreprocess(4, 12)));
  writeFileSync(join(folder, "naflex", "preprocessor_config.json"), preprocessor);
  await writeFileWhole(join(folder, "naflex", "0.tar"), writeTar(pictures()));
  await writeTarIndexes(join(folder, "naflex", "0.tar"), { store: localStore });
});

const table = "vision_model.embeddings.position_embedding.weight";

test("a fresh model learns from pictures that keep their shape, alike on two engines", async () => {
  const one = await takeSteps(configOf("onnx", { model, engine: "onnx" }));
  const other = await takeSteps(configOf("wasm", { model, engine: "wasm" }));
  expect(one.metrics).toHaveLength(3);
  for (const [step, { loss }] of one.metrics.entries()) expect(loss).toBeCloseTo(other.metrics[step]!.loss, 4);
  expect(one.before[table]).toHaveLength(16 * 16);
  expect(one.after[table]).not.toEqual(one.before[table]);
});

test("the preset learns from pictures of its own patches", async () => {
  const run = configOf("preset", { model: { preset: "small-naflex", architecture: { vision: { layers: 1 } } } });
  const { description } = await openRunModel(run.model);
  expect(description.preprocess).toEqual(naflexPreprocess(12, 16));
  const { metrics, before, after } = await takeSteps(run);
  expect(metrics[2]!.loss).toBeLessThan(metrics[0]!.loss);
  expect(before[table]).toHaveLength(16 * 128);
  expect(after[table]).not.toEqual(before[table]);
  const larger = await openRunModel({ ...run.model, imageSize: 72 });
  expect(larger.description.preprocess).toEqual(naflexPreprocess(12, 36));
});

test("micro-batches and checkpointing change nothing but rounding", async () => {
  const whole = await takeSteps(configOf("whole", { model }));
  const parts = await takeSteps(
    configOf("parts", { model, gradientCheckpointing: true, accumulate: 2, data: { batchSize: 4 } }),
  );
  for (const [step, { loss }] of whole.metrics.entries()) expect(loss).toBeCloseTo(parts.metrics[step]!.loss, 4);
});

test("shards and lists of pairs give batches of one shape", async () => {
  const shards = { kind: "webdataset", path: join(folder, "naflex", "0.tar") };
  const run = configOf("shards", { model, data: { train: shards, batchSize: 4 } });
  const { description } = await openRunModel(run.model);
  expect(isPatches(description.preprocess)).toBe(true);
  const batches = await openTrainingBatches(run.data, description);
  const batch = await batches.next();
  expect(batch.pixelShape).toEqual([12, 52]);
  expect(batch.pixelValues).toHaveLength(4 * 12 * 52);
  expect(batch.pixels).toBeUndefined();
  await batches.close();
  const { metrics } = await takeSteps(run);
  expect(metrics.map(({ loss }) => Number.isFinite(loss))).toEqual([true, true, true]);
});

test.each(["augment", "view"])("data.%s is refused: it makes squares", async (key) => {
  const run = configOf("crops", { model, data: { [key]: { flipProbability: 0.5 } } });
  await expect(takeSteps(run)).rejects.toThrow(/keep their shape, as rows of patches/u);
});

test("a budget of tokens is refused: a batch for the loss has its number of pairs", () => {
  const named = /data\.maxTokens.*batchSize times these: lower batchSize, and raise accumulate/su;
  expect(() => configOf("tokens", { model, data: { maxTokens: 4096 } })).toThrow(named);
});

test("model.preprocess changes statistics and filter, and refuses a fit", async () => {
  const opened = (preprocess: object): ReturnType<typeof openRunModel> =>
    openRunModel(configOf("preprocess", { model: { ...model, preprocess } }).model);
  const changed = { mean: [0.25, 0.25, 0.25], interpolation: "bicubic" };
  const { description } = await opened({ ...changed, mean: 0.25 });
  expect(description.preprocess).toEqual({ ...naflexPreprocess(4, 12), ...changed });
  const named = /remove "model\.preprocess\.resize", "model\.preprocess\.fill"/u;
  await expect(opened({ resize: "longest", fill: 9 })).rejects.toThrow(named);
});
