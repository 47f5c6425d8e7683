import { readFileSync } from "node:fs";
import { randomStream, type RandomStream } from "@clip-ts/base";
import { describe, expect, test } from "vitest";
import { formulaImage, shortSha256 } from "../fixtures/formula-image.ts";
import type { Pixels } from "../pixels.ts";
import { amountOf, applyOperation, type OperationName } from "./operations.ts";
import {
  autoPolicies,
  increasingOperations,
  mixedOperations,
  randomOperations,
  threeOperations,
  weightedOperations,
} from "./policies.ts";

interface Case {
  readonly name: OperationName;
  readonly amount: number;
  readonly filter: "bilinear" | "bicubic";
  readonly fill: readonly [number, number, number];
  readonly picture: readonly [width: number, height: number, low: number, span: number];
  readonly sha256: string;
}

/** Written by tools/peers/make_policy_fixtures.py, which can write a larger set for sweeps. */
const place = process.env["CLIP_TS_POLICIES"] ?? new URL("../fixtures/policies.json", import.meta.url);
const { cases, levels, policies, sets } = JSON.parse(readFileSync(place, "utf8")) as {
  readonly cases: readonly Case[];
  readonly levels: Readonly<Record<OperationName, readonly number[]>>;
  readonly policies: unknown;
  readonly sets: Readonly<Record<string, unknown>>;
};

function pictureOf([width, height, low, span]: Case["picture"]): Pixels {
  const { data, ...rest } = formulaImage(width, height);
  return { ...rest, data: data.map((byte) => low + Math.floor((byte * span) / 255)) };
}

const random = randomStream(0, "policies");
const settings = { fill: [0, 0, 0], translatePixels: 100, translateShare: 0.45 } as const;

describe("Pillow's bytes", () => {
  const names = [...new Set(cases.map(({ name }) => name))];
  test.each(names)("%s", (name) => {
    const wrong = cases.filter((one) => {
      if (one.name !== name) return false;
      const { fill, filter, picture, sha256 } = one;
      const made = applyOperation(pictureOf(picture), one, { ...settings, fill, filter }, random);
      return shortSha256(made.data).slice(0, 12) !== sha256;
    });
    expect(wrong).toEqual([]);
  });
});

test("magnitudes mean timm's numbers", () => {
  const positive: RandomStream = { ...random, uniform: () => 0 }; // of two signs the first
  for (const [name, amounts] of Object.entries(levels)) {
    const own = amounts.map((_, magnitude) => amountOf(name as OperationName, magnitude, settings, positive));
    for (const [magnitude, amount] of own.entries()) expect(amount, name).toBeCloseTo(amounts[magnitude]!, 12);
  }
});

test("policies and what is drawn from are timm's", () => {
  expect(autoPolicies).toEqual(policies);
  expect({
    rand: randomOperations,
    increasing: increasingOperations,
    "3a": threeOperations,
    ...weightedOperations,
    augmix: mixedOperations,
  }).toEqual(sets);
});
