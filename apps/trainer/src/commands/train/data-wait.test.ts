import { expect, test } from "vitest";
import { terminalColumns } from "../../cli/text.ts";
import { configOf } from "./run-here.test.ts";
import { createWaitTally, describeWait } from "./data-wait.ts";

const { data } = configOf("wait", {});
const minutes = (share: number) => ({ dataMs: 600_000 * share, ms: 600_000, share });

test("the share of the time that waited is over all steps, and 0 before the first", () => {
  const tally = createWaitTally();
  expect(tally.waited()).toEqual({ dataMs: 0, ms: 0, share: 0 });
  tally.took(10, 100);
  tally.took(90, 100);
  expect(tally.waited()).toEqual({ dataMs: 100, ms: 200, share: 0.5 });
});

test("a short wait is one line", () => {
  expect(describeWait(minutes(0.021), data)).toEqual(["wait    2.1 % of the time waited for data (0:13 of 10:00)"]);
  const brief = { dataMs: 900, ms: 1000, share: 0.9 };
  expect(describeWait(brief, data)).toHaveLength(1);
});

test("a long wait says what helps with this run's settings, on lines that fit a terminal", () => {
  const said = (loading: object): string => describeWait(minutes(0.5), { ...data, ...loading }).join("\n");
  const pairs = said({});
  expect(pairs).toMatch(
    /^wait {4}50\.0 % [^]*What helps:\n {8}- shards, [^]*clip-ts data\s+prepare[^]*"data.prefetch"\s+\(2 now\)$/,
  );
  expect(pairs).not.toContain("data.view");
  expect(said({ augment: {} })).toContain('"data.view" in place of "data.augment"');
  const train = { kind: "webdataset", path: "a.tar" };
  const shards = said({ train, augment: {}, loading: { workers: 3, decode: "exact" } });
  expect(shards).toMatch(/data\.workers\s+\(3 now\)\n {8}- data\.decode: fast/);
  expect(shards).not.toMatch(/data prepare|data\.view/);
  expect(said({ train })).toMatch(/data\.workers\s+\(one fewer than cores now\)/);
  for (const text of [pairs, shards]) {
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(terminalColumns);
  }
});

test("data that is read as it is has no settings that help", () => {
  expect(describeWait(minutes(0.5), { ...data, train: { kind: "tensors", path: "a" } })).toHaveLength(1);
});
