import { expect, test } from "vitest";
import { collectGarbage, returnFreedMemory } from "./memory.ts";

test("collectGarbage frees what nothing refers to, and nothing else", () => {
  const kept = new Float32Array(1000).fill(3);
  const before = process.memoryUsage().arrayBuffers;
  (() => void new Float32Array(16 << 20).fill(1))();
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60e6);
  collectGarbage();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6);
  expect(new Set(kept)).toEqual(new Set([3]));
});

test("returnFreedMemory can be asked for again and again, on any system", () => {
  returnFreedMemory();
  expect(returnFreedMemory()).toBeUndefined();
});
