import fc from "fast-check";
import { expect, test } from "vitest";
import { bestMatches } from "./classification.ts";

test("the best come first, the earlier of equals before the later", () => {
  const matches = bestMatches(Float32Array.from([0.25, 0.75, 0.5, 0.75]), 3);
  expect(matches.map(({ index }) => index)).toEqual([1, 3, 2]);
  expect(matches[0]?.similarity).toBe(0.75);
});

test("no similarity left out is better than one returned", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(10), (scores, count) => {
      const matches = bestMatches(scores, count);
      expect(matches).toHaveLength(Math.min(count, scores.length));
      const chosen = new Set(matches.map(({ index }) => index));
      const worst = Math.min(...matches.map(({ similarity }) => similarity));
      const rest = scores.filter((_, index) => !chosen.has(index));
      if (matches.length > 0) expect(rest.every((similarity) => similarity <= worst)).toBe(true);
    }),
  );
});
