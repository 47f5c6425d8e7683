import { linear, linearSpec, uniform, type HostArrays, type LinearParams, type ParamSpec } from "@clip-ts/core";
import {
  clipSpec,
  contrastive,
  preset,
  type ClipConfig,
  type ClipParams,
  type Objective,
  type PairInputs,
  type PairRows,
} from "@clip-ts/model";
import { inspectEngines, startEngine, type EngineName } from "@clip-ts/engines";
import { useEngine } from "@clip-ts/test-utils";
import { createTraining } from "@clip-ts/training";
import { defineVisionTower } from "@clip-ts/vision-encoder";
import { add, mean, mul, relu, reshape, sqrt, square, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";

afterAll(() => useEngine("cpu"));

type Sizes = Readonly<Record<"channels" | "imageSize" | "width", number>>;

/** Two layers on all pixels at once. */
const perceptron = defineVisionTower({
  name: "perceptron",
  spec({ channels, imageSize, width }: Sizes) {
    const layer = (inputs: number): LinearParams<ParamSpec> =>
      linearSpec(inputs, width, { weight: uniform(inputs ** -0.5) });
    return { first: layer(channels * imageSize ** 2), second: layer(width) };
  },
  encode({ first, second }, pixels) {
    const flat = reshape(pixels, [pixels.shape[0] as number, -1]);
    return { pooled: linear(second, relu(linear(first, flat))) };
  },
  width: ({ width }) => width,
});

const config: ClipConfig = {
  ...preset("nano"),
  vision: perceptron.config({ imageSize: 8, width: 24 }),
};
const matching = contrastive(config);

/** Each pair has a term of its own: how far its two features lie apart. */
const objective: Objective<ClipParams, PairInputs, PairRows & { readonly apart: Tensor }> = {
  ...matching,
  encode(params, batch, options) {
    const { rows, statistics } = matching.encode(params, batch, options);
    const apart = sqrt(sum(square(sub(rows.image, rows.text)), 1));
    return { rows: { ...rows, apart }, statistics };
  },
  compare(params, rows) {
    const { loss, metrics } = matching.compare(params, rows, {});
    return { loss: add(loss, mul(mean(rows.apart), 0.5)), metrics };
  },
};

const rows = 6;
const batch: HostArrays = {
  pixelValues: {
    data: Float32Array.from({ length: rows * 192 }, (_, index) => Math.sin(index)),
    shape: [rows, 3, 8, 8],
  },
  inputIds: {
    data: Int32Array.from(Array.from({ length: rows }, (_, row) => [598, 10 + row, 599]).flat()),
    shape: [rows, 3],
  },
};

async function losses(engine: EngineName, accumulate: number): Promise<number[]> {
  const { compiler } = await startEngine(engine);
  const training = await createTraining({
    objective,
    spec: clipSpec(config),
    seed: 5,
    schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, steps: 4 },
    clipNorm: 1,
    ema: { decay: 0.9 },
    accumulate,
    engine: compiler,
  });
  const told: number[] = [];
  for (let step = 0; step < 4; step++) told.push((await training.step(batch)).loss);
  await training.dispose();
  return told;
}

const engines = inspectEngines()
  .filter(({ name, available }) => available && ["wasm", "onnx", "tensorflow"].includes(name))
  .map(({ name }) => name);

test.each(engines)(
  "a tower and an objective of one's own train as on the cpu, whole and in parts (%s)",
  async (engine) => {
    const expected = await losses("cpu", 1);
    expect(expected[3]).toBeLessThan(expected[0]!);
    for (const accumulate of [1, 3]) {
      const found = await losses(engine, accumulate);
      for (const [step, loss] of found.entries()) {
        expect(Math.abs(loss / expected[step]! - 1), `step ${step}`).toBeLessThan(1e-4);
      }
    }
  },
);
