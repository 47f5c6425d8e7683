import fc from "fast-check";
import { expect, test } from "vitest";
import { averagePrompts, fillTemplate, probabilities, promptsFor } from "./zero-shot.ts";

test("a label takes every slot of a template, whatever it is spelled with", () => {
  expect(fillTemplate("a photo of a {}.", "cat")).toBe("a photo of a cat.");
  expect(fillTemplate("{} beside {}", "$& dog")).toBe("$& dog beside $& dog");
  expect(() => fillTemplate("a photo", "cat")).toThrow('"a photo" has no {}');
});

test("prompts are grouped by label", () => {
  expect(promptsFor(["cat", "dog"], ["a {}", "the {}"])).toEqual(["a cat", "the cat", "a dog", "the dog"]);
  expect(() => promptsFor([], ["a {}"])).toThrow("needs labels and templates");
  expect(() => promptsFor(["cat"], [])).toThrow("needs labels and templates");
});

test("a label's prompts are averaged and scaled to length 1", () => {
  const values = Float32Array.from([1, 0, 0, 1, 0.6, 0.8, 0.6, 0.8]);
  const { values: means, rows, dim } = averagePrompts({ values, rows: 4, dim: 2 }, 2);
  expect([rows, dim]).toEqual([2, 2]);
  const expected = [Math.SQRT1_2, Math.SQRT1_2, 0.6, 0.8];
  expected.forEach((value, index) => expect(means[index]).toBeCloseTo(value, 6));
});

const cosines = fc
  .array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 })
  .map((values) => Float32Array.from(values));

test("probabilities sum to 1 and keep the order of the cosines, also at scale 100", () => {
  fc.assert(
    fc.property(cosines, fc.constantFrom(1, 14.3, 100), (values, scale) => {
      const shares = probabilities(values, scale);
      const total = shares.reduce((sum, share) => sum + share, 0);
      expect(Math.abs(total - 1)).toBeLessThan(1e-5);
      for (let a = 0; a < values.length; a++) {
        for (let b = 0; b < values.length; b++) {
          if (values[a]! > values[b]!) expect(shares[a]).toBeGreaterThanOrEqual(shares[b]!);
        }
      }
    }),
  );
});

test("probabilities are the softmax of the scaled cosines", () => {
  const [first, second] = probabilities(Float32Array.from([0.3, 0.1]), 10);
  expect(first! / second!).toBeCloseTo(Math.exp(2), 3);
});
