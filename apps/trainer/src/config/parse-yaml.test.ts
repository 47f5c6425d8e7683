import { expect, test } from "vitest";
import { parseSettings, parseYaml } from "./load-config.ts";

test("plain data, anchors and aliases are read", () => {
  const text = "a: &x {b: 1}\nc: *x\nd: [1e-3, yes, null]\n";
  expect(parseYaml(text, "x")).toEqual({ a: { b: 1 }, c: { b: 1 }, d: [1e-3, "yes", null] });
  expect(parseSettings("", "x")).toEqual({});
});

const names = "abcdefgh".split("");
const laughs = names.map((name, level) => {
  const inner = level === 0 ? "x" : `*${names[level - 1]}`;
  return `${name}: &${name} [${Array.from({ length: 10 }, () => inner).join(",")}]`;
});

test.each([
  ["an open list", "run: [a\nsteps: 1", "line 2, column 1: "],
  ["a tab", "run: x\n\tsteps: 1", "line 2, column 1: "],
  ["a key twice", "steps: 1\nsteps: 2", "line 2, column 1: Map keys must be unique. To mend it, keep one of the two."],
  ["two documents", "steps: 1\n---\nsteps: 2", "line 2, column 1: "],
  ["a tag", "steps: !!js/function x", "remove the tag"],
  ["a list as a key", "? [a, b]\n: c", "name each setting with a word"],
  ["a foreign version", "%YAML 9.9\n---\nsteps: 1", "remove the line that starts with %"],
  ["an alias of nothing", "steps: *none", "Write the value out instead of *name"],
  ["an alias of itself", "steps: &a [*a]", "an anchor (&name) contains its own alias"],
  ["aliases that multiply", laughs.join("\n"), "Excessive alias count"],
  ["nesting without end", `steps: ${"[".repeat(5000)}`, "settings nest a few levels deep"],
])("%s is an error of ours, with its place and what to do", (_, text, message) => {
  expect(() => parseYaml(text, "run.yaml")).toThrow(expect.objectContaining({ name: "ClipError", code: "bad-config" }));
  expect(() => parseYaml(text, "run.yaml")).toThrow("run.yaml is not valid YAML: ");
  expect(() => parseYaml(text, "run.yaml")).toThrow(message);
});

test("a list or a word is no file of settings", () => {
  for (const text of ["- a\n- b", "steps", "12"]) {
    expect(() => parseSettings(text, "run.yaml")).toThrow("run.yaml should hold settings");
  }
});
