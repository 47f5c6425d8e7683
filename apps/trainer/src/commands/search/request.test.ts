import { captureOutput } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { runCommandLine } from "../../cli/main.ts";
import { parseArguments } from "../../cli/parse.ts";
import { commands } from "../index.ts";
import { searchCommand } from "./command.ts";
import { searchWords } from "./request.ts";

const run = (...argv: string[]) => captureOutput(() => runCommandLine(commands, ["search", ...argv]));

function wordsOf(...argv: string[]): ReturnType<typeof searchWords> {
  const args = parseArguments(searchCommand, argv);
  if (args === undefined) throw new Error("help was asked for");
  return searchWords(args);
}

test("all words are one query, a lone minus among them", () => {
  const asked = wordsOf('"beach"', "+", "sunset", "-", "people", "-i", "index", "-n", "3");
  expect(asked).toMatchObject({ form: "query", words: ['"beach"', "+", "sunset", "-", "people"], count: 3 });
});

test("options on fields become conditions: from the first moment of --after, before the first of --before", () => {
  const words = ["dog", "-i", "x", "--after", "2024", "--before", "2025-06", "--label", "a", "--label", "b"];
  expect(wordsOf(...words).conditions).toEqual([
    { field: "date", is: "at-least", value: Date.UTC(2024, 0, 1) },
    { field: "date", is: "less", value: Date.UTC(2025, 5, 1) },
    { field: "label", is: "one-of", values: ["a", "b"] },
  ]);
});

test("duplicates take a cosine, 0.98 unless it is given", () => {
  expect(wordsOf("--duplicates", "-i", "x")).toMatchObject({ form: "duplicates", similarity: 0.98 });
  expect(wordsOf("--duplicates", "0.9", "-i", "x")).toMatchObject({ form: "duplicates", similarity: 0.9 });
});

test.each([
  [["dog"], /search needs --index INDEX/],
  [["-i", "x"], /search needs words or a picture to search for, --queries FILE or --duplicates/],
  [["", " ", "-i", "x"], /The query is empty/],
  [["dog", "--queries", "q.txt", "-i", "x"], /takes --queries or words .*, not both/],
  [["--duplicates", "--queries", "q.txt", "-i", "x"], /takes --duplicates or --queries, not both/],
  [["--duplicates", "dog", "-i", "x"], /--duplicates dog: expected one number above 0 and at most 1, such as 0.98/],
  [["--duplicates", "1.5", "-i", "x"], /--duplicates 1.5: expected one number/],
  [["--duplicates", "0.9", "0.8", "-i", "x"], /--duplicates 0.9 0.8: expected one number/],
  [["--duplicates", "--label", "a", "-i", "x"], /--duplicates has no use for --label/],
  [["--queries", "q.txt", "--html", "x.html", "-i", "x"], /--queries has no use for --html/],
  [["dog", "-i", "x", "--after", "summer"], /--after summer: expected a date/],
  [["dog", "-i", "x", "--false-positives", "2%"], /--false-positives 2%: expected 1%, 5% or 10%/],
  [["dog", "-i", "x", "--count", "0"], /--count 0: expected a positive number/],
  [["dog", "-i", "x", "--json", "-", "--html", "-"], /only one file fits on stdout/],
  [["beach", "-people", "-i", "x"], /search has no option "-p"/],
])("wrong usage exits 2 with one message: %j", async (argv, message) => {
  const { result, stdout, stderr } = await run(...argv);
  expect([result, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});
