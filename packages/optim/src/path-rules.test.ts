import { expect, test } from "vitest";
import { decaysByDefault, resolveByPath } from "./index.ts";

const paths = ["vision.layers.1.weight", "vision.layers.10.weight", "vision_norm.bias", "scale"];

test("the first rule that matches wins; the rest take the fallback", () => {
  const rules = [
    [/bias$/, "bias"],
    [/^vision/, "vision"],
    [/weight/, "never reached, but matching"],
  ] as const;
  expect(resolveByPath<string>(paths, rules, "other")).toEqual({
    "vision.layers.1.weight": "vision",
    "vision.layers.10.weight": "vision",
    "vision_norm.bias": "bias",
    scale: "other",
  });
});

test("a string is a leaf or a subtree, never a part of a name", () => {
  const values = resolveByPath(
    paths,
    [
      ["vision.layers.1", 1],
      ["scale", 2],
    ],
    0,
  );
  expect(Object.values(values)).toEqual([1, 0, 0, 2]);
  expect(() => resolveByPath(paths, [["vision.layer", 1]], 0)).toThrow("vision.layer matches none");
});

test("a regular expression with a memory gives the same answer for every path", () => {
  expect(Object.values(resolveByPath(paths, [[/weight/g, true]], false))).toEqual([true, true, false, false]);
});

test("a pattern that matches nothing is named", () => {
  expect(() => resolveByPath(paths, [[/visoin/, true]], false)).toThrow(
    'The pattern /visoin/ matches none of the 4 parameters, such as "vision.layers.1.weight".',
  );
});

test.each([
  ["embedding", [200, 48], true],
  ["embedding", [64, 3, 8, 8], true],
  ["embedding", [64], false],
  ["head", [40, 64], true],
  ["matrix", [40, 64], true],
  ["norm", [64], false],
  ["norm", [4, 4], false],
  ["bias", [192], false],
  ["scale", [], false],
  ["statistic", [64], false],
  [undefined, [40, 64], true],
  [undefined, [64], false],
] as const)("a leaf with the role %s and shape %j decays by default: %s", (role, shape, decays) => {
  expect(decaysByDefault(role === undefined ? { shape } : { shape, role })).toBe(decays);
});
