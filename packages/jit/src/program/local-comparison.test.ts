import { refusalOf } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import type { Exchange } from "./exchange.ts";
import { localExchangeOf, localLossPairs } from "./local-comparison.ts";
import type { LocalParts } from "./step-functions.ts";

const exchangeOf = (size: number): Exchange => ({
  rank: 0,
  size,
  gather: (rows) => Promise.resolve(rows),
  sum: (gradients) => Promise.resolve(gradients),
});

/** Batches in micro-batches of so many pairs. */
const batch = (...counts: number[]) => ({
  parts: counts.map((count) => ({ ids: { data: new Int32Array(count), shape: [count] } })),
});

const local: LocalParts = {
  sums: () => ({}),
  slopes() {
    throw new Error("not run here");
  },
};

test.each([
  ["as many pairs of all ranks as it takes, in micro-batches", batch(1000, 24), 4, true],
  ["one pair of each rank fewer", batch(1000, 23), 4, false],
  ["one rank", batch(localLossPairs), 1, false],
] as const)("ranks choose by themselves: %s", (_, given, size, isLocal) => {
  const exchange = exchangeOf(size);
  for (const localLoss of ["auto", undefined] as const) {
    expect(localExchangeOf(given, exchange, { localLoss, parts: { local } })).toBe(isLocal ? exchange : undefined);
  }
});

test("whoever says so decides, and what is not there is refused only then", () => {
  const exchange = exchangeOf(2);
  const few = batch(1);
  expect(localExchangeOf(few, exchange, { localLoss: true, parts: { local } })).toBe(exchange);
  expect(localExchangeOf(batch(5000), exchange, { localLoss: false, parts: { local } })).toBeUndefined();
  expect(localExchangeOf(batch(5000), exchange, { parts: {} })).toBeUndefined();
  expect(localExchangeOf(few, undefined, { localLoss: true })).toBeUndefined();
  const refusal = refusalOf(() => localExchangeOf(few, exchange, { localLoss: true, parts: {} }));
  expect(refusal.code).toBe("unsupported");
  expect(refusal.message).toMatch(/has no local form.*localLoss to false/u);
});
