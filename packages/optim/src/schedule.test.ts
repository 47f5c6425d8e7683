import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSchedule, type ScheduleConfig } from "./index.ts";

test("the rates of a PyTorch run of CLIP", async () => {
  const url = new URL("fixtures/clip-train.json", import.meta.url);
  const golden = JSON.parse(await readFile(url, "utf8")) as {
    optimizer: { lr: number };
    schedule: { warmup: number; steps: number };
    history: { step: number; lr: number }[];
  };
  const rate = createSchedule({
    kind: "cosine",
    learningRate: golden.optimizer.lr,
    warmupSteps: golden.schedule.warmup,
    steps: golden.schedule.steps,
  });
  expect(golden.history).toHaveLength(12);
  for (const { step, lr } of golden.history) {
    expect(Math.abs(rate(step) - lr)).toBeLessThanOrEqual(1e-15 * lr);
  }
});

const base = { learningRate: 2, warmupSteps: 4, steps: 20 };
const rates = (config: ScheduleConfig, steps: readonly number[]): number[] => steps.map(createSchedule(config));

test("constant stays after warm-up", () => {
  expect(rates({ kind: "constant", ...base }, [0, 1, 3, 4, 19, 100])).toEqual([0.5, 1, 2, 2, 2, 2]);
});

test("constant with cool-down falls to its end, by its power", () => {
  const config = { kind: "constant-cooldown", ...base, cooldownSteps: 10 } as const;
  expect(rates(config, [3, 4, 10, 15, 20, 30])).toEqual([2, 2, 2, 1, 0, 0]);
  const square = { ...config, cooldownPower: 2, cooldownEndLearningRate: 1 };
  expect(rates(square, [10, 15, 20])).toEqual([2, 1.25, 1]);
  expect(rates({ ...config, cooldownSteps: 0 }, [19])).toEqual([2]);
});

test("rsqrt falls by the root of the steps whatever their number, from where a shift begins, to 0 in a cool-down", () => {
  // big_vision's create_learning_rate_schedule: base / sqrt(1 + (step + shift - warmup) / timescale)
  const config = { kind: "rsqrt", ...base, steps: 1000, timescale: 100 } as const;
  const close = (values: readonly number[], expected: readonly number[]): void =>
    values.forEach((value, at) => expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 12));
  close(rates(config, [0, 3, 4, 104, 304]), [0.5, 2, 2, 2 / Math.SQRT2, 1]);
  close(rates({ ...config, shift: 300 }, [0, 3, 4, 504]), [0.25, 1, 1, 2 / 3]);
  close(rates({ ...config, cooldownSteps: 400 }, [304, 600, 800, 1000]), [
    1,
    2 / Math.sqrt(6.96),
    1 / Math.sqrt(8.96),
    0,
  ]);
  close(rates({ kind: "rsqrt", ...base, steps: 20_000 }, [10_004]), [2 / Math.SQRT2]);
  expect(rates({ ...config, steps: 5000 }, [700])).toEqual(rates(config, [700]));
});

test("every schedule rises through warm-up, then never rises again nor leaves its range", () => {
  const configs = fc.record({
    kind: fc.constantFrom("cosine", "constant", "constant-cooldown", "rsqrt"),
    learningRate: fc.double({ min: 1e-8, max: 10, noNaN: true }),
    warmupSteps: fc.nat(30),
    steps: fc.nat(100),
    cooldownSteps: fc.nat(50),
    cooldownPower: fc.constantFrom(0.5, 1, 2),
  });
  fc.assert(
    fc.property(configs, (config) => {
      const rate = createSchedule(config);
      const values = Array.from({ length: 130 }, (_, step) => rate(step));
      values.forEach((value, step) => {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(config.learningRate * (1 + 1e-12));
        const last = values[step - 1] ?? 0;
        if (step < config.warmupSteps) expect(value).toBeGreaterThan(last);
        else if (step > config.warmupSteps) expect(value).toBeLessThanOrEqual(last * (1 + 1e-12));
      });
    }),
  );
});

test.each([
  [{ ...base, steps: 1.5 }, "steps: expected a whole number of steps, got 1.5"],
  [{ ...base, warmupSteps: -1 }, "warmupSteps: expected a whole number of steps, got -1"],
  [{ ...base, learningRate: Number.NaN }, "learningRate: expected 0 or more, got NaN"],
  [{ ...base, kind: "rsqrt", timescale: 0 }, "timescale: expected more than 0 steps, got 0"],
  [{ ...base, kind: "rsqrt", shift: -1 }, "shift: expected a whole number of steps, got -1"],
] satisfies [Partial<ScheduleConfig> & typeof base, string][])("refused: %o", (config, message) => {
  expect(() => createSchedule({ kind: "cosine", ...config } as ScheduleConfig)).toThrow(message);
});
