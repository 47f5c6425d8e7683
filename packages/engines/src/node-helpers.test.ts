import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { restoreNodeHelpers } from "./tensorflow.ts";

test("the helpers that tfjs-node calls are right, whether this Node has them or not", () => {
  for (const util of [{}, { isNullOrUndefined: () => true, isArray: () => false }]) {
    const helpers: Record<string, any> = util;
    restoreNodeHelpers(helpers);
    const values = [undefined, null, 0, "", false, [], [null]];
    expect(values.map(helpers["isNullOrUndefined"])).toEqual([true, true, ...Array(5).fill(false)]);
    expect(values.map((value) => helpers["isArray"](value))).toEqual([...Array(5).fill(false), true, true]);
  }
});

// As code compiled from `import { isArray } from "util"` calls them.
const calls = `
const util_1 = require("util");
console.log((0, util_1.isNullOrUndefined)(null), (0, util_1.isArray)([]));
`;

test("the text of the function mends another process, which then says nothing of deprecation", () => {
  const script = `(${restoreNodeHelpers.toString()})(require("node:util"));${calls}`;
  const args = ["--throw-deprecation", "--pending-deprecation", "-e", script];
  expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe("true true\n");
});
