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
  const lines = printed();
  const losses = lines.slice(0, 3).map((line) => Number.parseFloat(line.split("loss ")[1] ?? ""));
  expect(losses[2]).toBeLessThan(losses[0]!);
  expect(losses[2]).toBeLessThan(Math.log(16));
  expect(lines[3]).toBe("46 averaged leaves");
});

test("03-tokenize prints OpenAI's ids", async () => {
  await import("./03-tokenize.mjs");
  expect(printed()[0]).toBe("49406 320 1125 539 320 2368 49407");
  expect(printed()[1]).toBe("fish & chips ☕");
  expect(Number(printed()[3])).toBeGreaterThan(3);
});

test("04-own-tower learns, and embeds alike on every engine and where it is exported to", async () => {
  await import("./04-own-tower.mjs");
  const [steps, rows] = [printed().slice(0, 3), printed().slice(3)];
  const losses = steps.map((line) => Number.parseFloat(line.split("loss ")[1] ?? "NaN"));
  expect(losses.at(-1)).toBeLessThan(0.9 * Math.log(16));
  const found = rows.map((line) => line.split(/ +/u));
  expect(found.map(([where]) => where)).toEqual(["cpu", "wasm", "onnx", "exported"]);
  const values = found.map(([, value]) => Number(value));
  expect(Math.max(...values) - Math.min(...values)).toBeLessThan(2e-4); // four digits are shown
  expect(Math.abs(values[0] ?? 0)).toBeGreaterThan(0);
});

test("05-own-objective trains the same on two engines, whole and in parts, and is used as a CLIP", async () => {
  await import("./05-own-objective.mjs");
  const lines = printed();
  const numbersOf = (line = ""): number[] => line.match(/-?\d+\.\d+/gu)?.map(Number) ?? [];
  const [one, other] = [lines.slice(0, 3), lines.slice(3, 6)].map((own) => own.flatMap(numbersOf));
  expect(one).toHaveLength(5);
  expect(other).toHaveLength(5);
  for (const [at, value] of one!.entries()) expect(other![at]).toBeCloseTo(value, 2);
  expect(one![2]).toBeLessThan(one![0]!); // the loss of the last step, and of half of them
  expect(lines[6]).toBe("a caption is 8 numbers");
  expect(lines[7]).toContain("text_model.onnx");
});

test("06-transformers-js trains here, and both libraries give the same features of it", async () => {
  await import("./06-transformers-js.mjs");
  const lines = printed();
  const losses = lines.slice(0, 3).map((line) => Number.parseFloat(line.split("loss ")[1] ?? "NaN"));
  expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  const differences = lines.slice(3, 7).map((line) => Number(line.split("difference ")[1]));
  expect(differences).toHaveLength(4);
  for (const difference of differences) expect(difference).toBeLessThan(1e-5);
  expect(lines[7]).toMatch(/^transformers\.js says: a \w+ \w+/u);
  expect(Number(lines[8]?.split("ids ")[1])).toBe(0);
});
