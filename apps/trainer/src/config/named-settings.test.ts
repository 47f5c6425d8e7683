import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { commonOptions } from "../cli/command.ts";
import { commands } from "../commands/index.ts";
import { settingPaths } from "./fixtures/setting-paths.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));

/** Where messages to those who write a config or a command line come from. */
const sources = ["apps/trainer/src", "packages/data/src"];

const keys = new Set([...settingPaths].flatMap((path) => path.split(".")));
const options = new Set(
  [commonOptions, ...commands.map((command) => command.options)].flatMap((list) => Object.keys(list)),
);

/** Words in quotes that are values, columns or fields of other files, each where it is explained. */
const values = new Set([
  // what options and settings may be
  "imagenet",
  "tensorflow",
  "none",
  // fields of JSON
  "image",
  "input",
  "embedding",
  "groups",
  "falsePositiveRate",
  // what becomes steps before the settings are checked
  "epochs",
  // words of a query, and a header of HTTP
  "beach",
  "authorization",
]);

interface Named {
  readonly name: string;
  readonly file: string;
  readonly text: string;
}

/** Comments, which speak to programmers, taken out of a source. */
function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}

/** The sentences of a source: its literals of several words, without markup and styles. What is filled in is "…". */
function sentencesOf(source: string): string[] {
  const literal = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g;
  return Array.from(withoutComments(source).matchAll(literal), (match) => {
    const [, double, single, template = ""] = match;
    const filled = (double ?? single ?? template).replaceAll(/\$\{[^}]*\}/g, "…");
    return filled.replaceAll(/\\[nrt]/g, " ").replaceAll("\\", "");
  }).filter((text) => text.trim().includes(" ") && !/[<]|\{ |\$\{|class=/.test(text));
}

/** The first group of a pattern that matched, for every match. */
function namesIn(text: string, pattern: RegExp): string[] {
  return Array.from(text.matchAll(pattern), (match) => match.slice(1).find((group) => group !== undefined) ?? "");
}

function named(pattern: RegExp): Named[] {
  return sources.flatMap((folder) => {
    const names = readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" });
    const files = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
    return files.flatMap((file) =>
      sentencesOf(readFileSync(join(repository, folder, file), "utf8")).flatMap((text) =>
        namesIn(text, pattern).map((name) => ({ name, file: join(folder, file), text })),
      ),
    );
  });
}

/** "quoted", camelCase, dotted.camelCase, or what one is told to set. */
const settingName =
  /"([a-z][A-Za-z]*(?:\.[A-Za-z]+)*)[":]|\b([a-z]+[A-Z][A-Za-z]*)\b|\b([a-z][A-Za-z]*(?:\.[a-z]+[A-Z][A-Za-z]*)+)\b|\b[Ss]et ([a-z]+)(?= to )|\b[Ss]et the ([a-z]+)/g;

/** Options of other programs, which are named with theirs, and of the program without a command. */
const others = new Set(["version", "bind-to"]);

const optionName = /(?<![\w-])--([a-z][a-z-]*[a-z])/g;

/** A path must be there as a whole, a single word somewhere. */
const isSetting = (name: string): boolean =>
  name.includes(".") ? settingPaths.has(name) : keys.has(name) || values.has(name);

test("the names in a message are found, and dead ones are known", () => {
  const dead = [
    "lower the batch size or set dropLast to false",
    'looks separated by ";": set the delimiter or the format',
    'set "data.delimiter" to ";"',
  ].flatMap((text) => namesIn(text, settingName));
  expect(dead).toEqual(["dropLast", "delimiter", "data.delimiter"]);
  expect(dead.filter(isSetting)).toEqual([]);
  expect(["data.train.separator", "quoting", "data.maxSkipped"].every(isSetting)).toBe(true);
});

test("every setting that a message names is one", () => {
  const found = named(settingName);
  expect(found.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["data.batchSize", "maxSkipped", "separator", "quoting", "gradClipNorm"]),
  );
  const unknown = found.filter(({ name }) => !isSetting(name) && !/\.(txt|json)$/.test(name));
  expect(unknown).toEqual([]);
});

test("every option that a message names is one", () => {
  const found = named(optionName);
  expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining(["set", "resume"]));
  const unknown = found.filter(({ name }) => !options.has(name) && !others.has(name));
  expect(unknown).toEqual([]);
});
