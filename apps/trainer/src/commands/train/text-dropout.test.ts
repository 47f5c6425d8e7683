import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inspectEngines } from "@clip-ts/engines";
import { goldenArrays, goldenPath, relativeError } from "@clip-ts/test-utils";
import { fromFloat32, fromInt32, serializeSafetensors, toBytes } from "@clip-ts/weights";
import { beforeAll, describe, expect, test } from "vitest";
import { configOf, folder, takeSteps, type Taken } from "./run-here.test.ts";

const hasTensorflow = inspectEngines().some(({ name, available }) => name === "tensorflow" && available);
const compiling = ["onnx", ...(hasTensorflow ? ["tensorflow"] : [])];

const withDropout = join(folder, "with-dropout");
const without = join(folder, "without-dropout");
const path = join(folder, "batches.safetensors");

/** The reference's pairs as two batches, and its model with and without RoBERTa's dropout. */
beforeAll(() => {
  const { pixel_values: pixels, input_ids: ids } = goldenArrays("dual-encoder/io.safetensors");
  const images = fromFloat32(pixels!.values as Float32Array, pixels!.shape);
  const captions = fromInt32(ids!.values as Int32Array, ids!.shape);
  const batches = [0, 1].flatMap((batch) => [
    [`pixel_values.${batch}`, images] as const,
    [`input_ids.${batch}`, captions] as const,
  ]);
  writeFileSync(path, toBytes(serializeSafetensors(Object.fromEntries(batches))));
  const source = dirname(goldenPath("dual-encoder/config.json"));
  for (const [target, share] of [
    [withDropout, 0.3],
    [without, 0],
  ] as const) {
    cpSync(source, target, { recursive: true });
    const file = join(target, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as { text_config: object };
    const shares = { hidden_dropout_prob: share, attention_probs_dropout_prob: share };
    writeFileSync(file, JSON.stringify({ ...config, text_config: { ...config.text_config, ...shares } }));
  }
});

const take = (name: string, changes: object): Promise<Taken> =>
  takeSteps(
    configOf(name, {
      model: { from: withDropout },
      data: { train: { kind: "tensors", path } },
      steps: 2,
      schedule: { kind: "constant", learningRate: 0.01 },
      ...changes,
    }),
  );

const lossesOf = ({ metrics }: Taken): number[] => metrics.map(({ loss }) => loss);

function expectSame(actual: Taken, expected: Taken, tolerance: number): void {
  expect(relativeError(lossesOf(actual), lossesOf(expected))).toBeLessThan(tolerance);
  for (const [leaf, values] of Object.entries(expected.after)) {
    expect(relativeError(actual.after[leaf]!, values, 1e-2), leaf).toBeLessThan(tolerance);
  }
}

describe("RoBERTa's dropout in a run", () => {
  test("is drawn from the seed: the same run twice, another seed another", async () => {
    const [first, again] = [await take("first", {}), await take("again", {})];
    expect(lossesOf(again)).toEqual(lossesOf(first));
    const other = await take("other", { seed: 1 });
    expect(lossesOf(other)).not.toEqual(lossesOf(first));
    const plain = await take("plain", { model: { from: without } });
    const seeded = await take("plain-other", { model: { from: without }, seed: 1 });
    expect(lossesOf(seeded)).toEqual(lossesOf(plain));
    const asked = await take("asked", { model: { from: without, textDropout: 0.3 } });
    expect(lossesOf(asked)).toEqual(lossesOf(first));
    expect(Math.abs(lossesOf(plain)[0]! - lossesOf(first)[0]!)).toBeGreaterThan(1e-3);
  });

  test("is the same compiled, checkpointed and over micro-batches", async () => {
    const eager = await take("eager", {});
    for (const engine of compiling) {
      expectSame(await take(`compiled-${engine}`, { engine }), eager, 1e-4);
    }
    expectSame(await take("checkpointed", { gradientCheckpointing: true }), eager, 1e-5);
    for (const engine of ["wasm", ...compiling]) {
      const data = { train: { kind: "tensors", path }, batchSize: 2 };
      const name = `accumulated-${engine}`;
      expectSame(await take(name, { engine, accumulate: 2, data }), eager, 1e-4);
    }
  });

  test("leaves a text tower alone that does not learn", async () => {
    const locked = { lock: { text: {} } };
    const [dropping, plain] = [
      await take("locked", locked),
      await take("locked-plain", { ...locked, model: { from: without } }),
    ];
    expect(lossesOf(dropping)).toEqual(lossesOf(plain));
  });
});
