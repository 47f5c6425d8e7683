import { join } from "node:path";
import { expect, test } from "vitest";
import { drawings } from "../quickstart/recipe.ts";
import { methodsCommand } from "./command.ts";
import { methodsTable } from "./run.ts";
import { methodRun, methods, withNeeded } from "./methods.ts";

const options = { engine: "wasm", steps: 7, folderOf: (name: string) => join("runs", name) };

test("every method is a valid run on the quickstart's drawings", () => {
  for (const method of methods) {
    const { run, steps, settings } = methodRun(method, options);
    expect([run, steps]).toEqual([join("runs", method.name), 7]);
    const { train } = settings["data"] as { train: unknown };
    expect(train).toEqual({ ...drawings, locales: [method.language] });
    if (method.from !== undefined) expect(settings["model"]).toEqual({ from: join("runs", method.from) });
  }
});

test("the command takes the methods that there are", () => {
  expect(methodsCommand.options["only"]?.choices).toEqual(methods.map(({ name }) => name));
});

test("a method comes with those that it builds on, which run first", () => {
  expect(withNeeded(["lora"]).map(({ name }) => name)).toEqual(["scratch", "lora"]);
  expect(withNeeded(["distilled", "sigmoid"]).map(({ name }) => name)).toEqual(["scratch", "sigmoid", "distilled"]);
});

test("the table has a row for each method, with both languages", () => {
  const found = (value: number): Record<string, number> => ({
    "retrieval.imageToText.recallAt1": value,
    "retrieval.textToImage.recallAt1": value / 2,
  });
  const rows = methodsTable([
    { name: "lora", title: "LoRA", learning: 0.25, english: found(0.5), german: found(0.1) },
    { name: "wise-ft", title: "WiSE-FT", english: found(0.4), german: found(0.2) },
  ]).split("\n");
  expect(rows).toHaveLength(3);
  expect(rows[1]).toMatch(/^LoRA +0\.25 M +50\.0 % +25\.0 % +10\.0 % +5\.0 %$/);
  expect(rows[2]).toMatch(/^WiSE-FT +40\.0 %/);
});
