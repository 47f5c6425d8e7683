import { join } from "node:path";
import { inspectEngine } from "@clip-ts/engines";
import { readHostSlots } from "@clip-ts/node";
import { captureOutput, largestDifference } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { configOf, folder } from "./run-here.test.ts";
import { runTraining } from "./run-training.ts";

const tensorflow = inspectEngine("tensorflow");
if (!tensorflow.available) console.warn(`Skipped: Adafactor on TensorFlow, as ${tensorflow.detail}.`);
const engines = ["cpu", "wasm", "onnx", ...(tensorflow.available ? ["tensorflow"] : [])];
const slotNames = ["momentum", "second", "rows", "columns", "ema"];

/** What a run of so many steps leaves, straight or with a stop after the first half of them. */
async function slotsAfter(engine: string, name: string, stops: readonly number[]) {
  for (const [part, steps] of stops.entries()) {
    const options = configOf(`${engine} ${name}`, {
      engine,
      steps,
      optimizer: { kind: "adafactor", minDimToFactor: 16, weightDecay: 0.1 },
      schedule: { kind: "constant", learningRate: 0.01 },
      gradClipNorm: 1,
      ema: { decay: 0.9 },
      checkpoint: { every: 100, keep: 1 },
    });
    await captureOutput(async () => {
      await runTraining(options, { resume: part > 0 });
      return 0;
    });
  }
  return readHostSlots(join(folder, `${engine} ${name}`, "latest"), slotNames);
}

type Slots = Awaited<ReturnType<typeof slotsAfter>>;

/** Slots of which a leaf is far from what was expected, relative to its largest value, or of another shape. */
function differences(found: Slots, expected: Slots): string[] {
  return slotNames.flatMap((slot) =>
    Object.entries(expected[slot] ?? {}).flatMap(([path, { data, shape }]) => {
      // The gradient of these is 0 but for rounding, which Adafactor has no eps to drown.
      if (path.endsWith("k_proj.bias")) return [];
      const other = found[slot]?.[path];
      const most = Math.max(...data.map(Math.abs), 1e-12);
      const isAlike = other?.shape.join() === shape.join() && largestDifference(other.data, data) < 2e-3 * most;
      return isAlike ? [] : [`${slot} of ${path}`];
    }),
  );
}

test("Adafactor moves alike on every engine, keeps matrices as rows and columns, and goes on exactly", async () => {
  const [first = "cpu", ...others] = engines;
  const expected = await slotsAfter(first, "straight", [4]);
  const shapes = Object.values(expected["rows"] ?? {}).map(({ shape }) => shape.join());
  expect(shapes.filter((shape) => shape !== "1").length).toBeGreaterThan(5);
  for (const engine of others) {
    const straight = await slotsAfter(engine, "straight", [4]);
    expect(differences(straight, expected), engine).toEqual([]);
    expect(await slotsAfter(engine, "stopped", [2, 4]), engine).toEqual(straight);
  }
});
