import { useEngine } from "@clip-ts/test-utils";
import { afterAll, beforeEach, expect, test, vi } from "vitest";

const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
const printed = (): string[] => log.mock.calls.map((words) => words.join(" "));

beforeEach(() => {
  log.mockClear();
});
afterAll(() => useEngine("cpu"));

test("01-embed opens a model folder and classifies a picture", async () => {
  await import("./01-embed.mjs");
  const [length, ...shares] = printed();
  expect(length).toBe("an image is 8 numbers of length 1");
  const total = shares.reduce((sum, line) => sum + Number.parseFloat(line), 0);
  expect(shares).toHaveLength(3);
  expect(total).toBeCloseTo(100, 0);
});

test("02-train lowers the loss", async () => {
  await import("./02-train.mjs");
  const losses = printed().map((line) => Number.parseFloat(line.split("loss ")[1] ?? "NaN"));
  expect(losses).toHaveLength(3);
  expect(losses.at(-1)).toBeLessThan(Math.log(8));
});

test("03-tokenize prints OpenAI's ids", async () => {
  await import("./03-tokenize.mjs");
  expect(printed()[0]).toBe("49406 320 1125 539 320 2368 49407");
  expect(printed()[1]).toBe("fish & chips ☕");
  expect(Number(printed()[3])).toBeGreaterThan(3);
});
