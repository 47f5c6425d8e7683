import { expect, test } from "vitest";
import type { Answer } from "./answer.ts";
import { hitTable, summaryOf } from "./show.ts";

const hit = (id: string, similarity: number, fields = {}): Answer["hits"][number] => ({ id, similarity, fields });

const answer: Answer = {
  text: "a dog",
  query: { terms: [{ kind: "text", value: "a dog", weight: 1 }] },
  filter: [],
  searched: 1852,
  pictures: 1852,
  hits: [hit("/a.jpg", 0.31), hit("/b.jpg", 0.29)],
  fits: true,
  cutoff: 0.25,
  falsePositiveRate: 0.05,
};
const cutoff =
  "The cut-off for this query is a cosine of 0.2500; of searches for what is not there about 5 % find something above it.";

test.each<[string, Partial<Answer>, boolean, string]>([
  ["hits", {}, false, `"a dog": the best 2 among 1,852 pictures. ${cutoff}`],
  [
    "hits of which some do not fit",
    { cutoff: 0.3, falsePositiveRate: 0.005 },
    true,
    '"a dog": the best 2 among 1,852 pictures. The first 1 fit. ' +
      "The cut-off for this query is a cosine of 0.3000; of searches for what is not there about 0.5 % find something above it.",
  ],
  [
    "nothing",
    { hits: [], fits: false },
    false,
    `Nothing fits "a dog" among 1,852 pictures. ${cutoff} These come nearest; --all shows more.`,
  ],
  [
    "nothing, all shown",
    { fits: false, cutoff: 0.4 },
    true,
    expect.stringMatching(/ These are the nearest\.$/u) as string,
  ],
  [
    "hits that a filter left",
    { searched: 12, text: '"a" - b' },
    false,
    `"a" - b: the best 2 among 12 of 1,852 pictures that the filters leave. ${cutoff}`,
  ],
  [
    "a filter that leaves nothing",
    { searched: 0, hits: [], fits: false },
    false,
    "None of the 1,852 pictures meets the filters.",
  ],
])("what is said of %s", (_, changed, showsAll, said) => {
  expect(summaryOf({ ...answer, ...changed }, showsAll)).toEqual(said);
});

test("what is not judged says why", () => {
  const { cutoff: _cutoff, falsePositiveRate: _rate, ...bare } = answer;
  expect(summaryOf({ ...bare, notJudged: "picture" }, false)).toBe(
    '"a dog": the best 2 among 1,852 pictures. Of a query with a picture in it, it is not judged whether they fit.',
  );
  expect(summaryOf({ ...bare, notJudged: "no-background" }, false)).toContain("which clip-ts index measures");
});

test("a table has its columns in line and no line wider than a terminal, however long the names", () => {
  const long = "x".repeat(300);
  const hits = [
    hit("/a.jpg", 0.31, { date: Date.UTC(2024, 4, 17), label: "beach" }),
    hit("/b.jpg", -0.0291, { date: null, label: long }),
    hit("/c.jpg", 0.1, { label: null }),
  ];
  const lines = hitTable(hits, { names: ["a.jpg", `2024/${long}.jpg`, "c.jpg"] }).split("\n");
  expect(lines[0]).toMatch(/^ {4}cosine {2}picture +date {8}label$/u);
  expect(lines[1]).toMatch(/^1 {3}0\.3100 {2}a\.jpg +2024-05-17 {2}beach$/u);
  expect(lines[2]).toMatch(/^2 {2}-0\.0291 {2}2024\/x+…x+\.jpg {14}x+…x+$/u);
  expect(lines[3]).toBe("3   0.1000  c.jpg");
  expect(Math.max(...lines.map((line) => line.length))).toBe(80);
});
