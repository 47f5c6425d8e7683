import { randomStream } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { pairArrays, type Batch } from "@clip-ts/data";
import { inspectEngine, startEngine } from "@clip-ts/engines";
import { areaOf, normalizePlanes } from "@clip-ts/image";
import { clipSpec, contrastive, preset, type ClipConfig, type ClipParams } from "@clip-ts/model";
import { localExchange, useEngine } from "@clip-ts/test-utils";
import { createTraining, type TrainingOptions } from "@clip-ts/training";
import { afterAll, expect, test } from "vitest";

const tensorflow = inspectEngine("tensorflow");
if (!tensorflow.available) console.warn(`Skipped: steps from bytes on TensorFlow, as ${tensorflow.detail}.`);

afterAll(() => useEngine("cpu"));

const config = preset("nano");
const statistics = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] } as const;
const rows = 4;
const area = areaOf(config.vision.imageSize);

/** A batch of bytes in memory that threads share, every byte among them; its floats are not to be made. */
function byteBatch(): Batch {
  const data = new Uint8ClampedArray(new SharedArrayBuffer(rows * 3 * area));
  const random = randomStream(1, "bytes");
  data.forEach((_, at) => (data[at] = at < 256 ? at : 256 * random.uniform()));
  const ids = Array.from({ length: rows }, (_, row) => [598, 1 + row, 599]).flat();
  const names = Array.from({ length: rows }, String);
  return {
    get pixelValues(): Float32Array {
      throw new Error("The step reads bytes.");
    },
    pixels: { data, ...statistics },
    inputIds: Int32Array.from(ids),
    batch: rows,
    tokens: 3,
    imageSize: config.vision.imageSize,
    keys: names,
    captions: names,
    epoch: 0,
    index: 0,
  };
}

/** The same pixels, normalised on the host. */
function floatBatch(): Batch {
  const { pixels, ...rest } = Object.getOwnPropertyDescriptors(byteBatch());
  const { data } = pixels!.value as NonNullable<Batch["pixels"]>;
  const value = normalizePlanes(data, area, statistics);
  return Object.create({}, { ...rest, pixelValues: { value, enumerable: true } }) as Batch;
}

type Options = TrainingOptions<ClipParams, never, never>;
type Changes = Partial<Omit<Options, "objective" | "spec">>;

const optionsOf = (changes: Changes, model: ClipConfig): Options =>
  ({
    objective: contrastive(model),
    spec: clipSpec(model),
    seed: 2,
    schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, steps: 8 },
    ...changes,
  }) as Options;

/** What a step on each batch tells, and the state after them. */
async function steps(batches: readonly Batch[], changes: Changes, model: ClipConfig): Promise<unknown> {
  const training = await createTraining(optionsOf(changes, model));
  const told = [];
  for (const batch of batches) told.push(await training.step({ ...pairArrays(batch) }));
  const state = structuredClone(await training.read());
  await training.dispose();
  return { told, state };
}

const dropping: ClipConfig = { ...config, vision: { ...config.vision, patchDropout: 0.5 } as ClipConfig["vision"] };

/** A way of taking a step. */
interface Way {
  readonly changes: () => Changes;
  readonly model?: ClipConfig;
}

/** Those that engines compile each in its own way. */
const compiledWays: Readonly<Record<string, Way>> = {
  whole: { changes: () => ({}) },
  "in micro-batches": { changes: () => ({ accumulate: 3 }) },
  "cut where ranks meet": { changes: () => ({ exchange: localExchange(1)[0] }) },
};

const allWays: Readonly<Record<string, Way>> = {
  ...compiledWays,
  "with blocks computed again": { changes: () => ({ checkpointing: true }) },
  "with some of the patches": { changes: () => ({}), model: dropping },
  "with a tower that stays": { changes: () => ({ unlocked: { image: 0 } }) },
};

const isMissing = (name: string): boolean => name === "tensorflow" && !tensorflow.available;

for (const name of ["cpu", "wasm", "onnx", "tensorflow"] as const) {
  test.skipIf(isMissing(name)).for(Object.entries(name === "tensorflow" ? compiledWays : allWays))(
    `on ${name} a step from bytes is that from their floats, bit for bit: %s`,
    async ([, { changes, model = config }]) => {
      const { compiler } = await startEngine(name);
      const run = (batch: Batch) => steps([batch], { ...changes(), engine: compiler }, model);
      expect(await run(byteBatch())).toEqual(await run(floatBatch()));
    },
  );
}

for (const name of ["onnx", "tensorflow"] as const) {
  test.skipIf(isMissing(name))(`on ${name} bytes and floats take turns: each has a program of its own`, async () => {
    const { compiler } = await startEngine(name);
    const told: string[] = [];
    const onCompile = (shapes: string) => {
      told.push(shapes);
      return () => undefined;
    };
    const [bytes, floats] = [byteBatch(), floatBatch()];
    for (const changes of [{}, { accumulate: 2 }]) {
      const run = (batches: readonly Batch[]) => steps(batches, { ...changes, engine: compiler, onCompile }, config);
      told.length = 0;
      const mixed = await run([bytes, floats, bytes]);
      expect(told.map((shapes) => shapes.includes("8x8 bytes"))).toEqual([true, false]);
      expect(mixed).toEqual(await run([floats, floats, floats]));
    }
  });
}

test("bytes that cannot be normalised are refused before anything runs", async () => {
  const { pixelValues, inputIds, pixelMean, pixelStd } = pairArrays(byteBatch());
  const training = await createTraining(optionsOf({}, config));
  const step = (batch: HostArrays) => training.step(batch);
  await expect(step({ pixelValues, inputIds })).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/^"pixelValues" holds bytes, which a step normalises: give the batch "pixelMean"/u),
  });
  await expect(step({ pixelValues, inputIds, pixelStd: pixelStd! })).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/^The batch has "pixelStd" but no "pixelMean"/u),
  });
  const truths = { data: new Uint8Array(pixelValues.data.length), shape: pixelValues.shape };
  const whole = { pixelValues: truths, inputIds, pixelMean: pixelMean!, pixelStd: pixelStd! };
  await expect(step(whole)).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/is a Uint8Array, which holds truth values: .* a Uint8ClampedArray/u),
  });
  expect(training.steps()).toBe(0);
  await training.dispose();
});
