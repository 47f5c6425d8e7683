import { isStatistic, flattenTree, initHostParams, type HostArray, type ParamSpec } from "@clip-ts/core";
import { clipSpec, objectiveOf, parseClipConfig } from "@clip-ts/model";
import { goldenArrays, goldenJson, largestDifference, useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTraining } from "./index.ts";

beforeAll(() => useEngine("wasm"));
afterAll(() => useEngine("cpu"));

test.each(["dinov2-registers", "deit", "swin", "align"])(
  "every parameter of %s moves from its own start by ordinary steps",
  async (tower) => {
    const config = parseClipConfig(goldenJson(`${tower}/config.json`));
    const io = goldenArrays(`${tower}/io.safetensors`);
    const array = (name: string): HostArray => ({
      data: io[name]!.values as HostArray["data"],
      shape: io[name]!.shape,
    });
    const batch = {
      pixelValues: array("pixel_values"),
      inputIds: array("input_ids"),
      attentionMask: array("attention_mask"),
    };
    const spec = clipSpec(config);
    const training = await createTraining({
      objective: objectiveOf(config),
      spec,
      seed: 1,
      optimizer: { kind: "adamw" },
      schedule: { kind: "constant", learningRate: 3e-3, warmupSteps: 0, steps: 2 },
    });
    const losses = [(await training.step(batch)).loss, (await training.step(batch)).loss];
    expect(losses.every(Number.isFinite)).toBe(true);
    const { params } = await training.read();
    await training.dispose();
    const start = initHostParams(spec, 1);
    const specs = Object.entries(flattenTree<ParamSpec>(spec));
    expect(specs.some(([, leaf]) => isStatistic(leaf))).toBe(tower === "align");
    for (const [path] of specs) {
      if (tower === "align" && path === "logit_scale") continue; // starts at its bound, a factor of 1
      const moved = largestDifference(params[path]!.data as Float32Array, start[path]!.data as Float32Array);
      expect(moved, path).toBeGreaterThan(0);
    }
  },
);
