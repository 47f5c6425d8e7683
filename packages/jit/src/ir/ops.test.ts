import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allOps, operationOf, type Kind } from "./ops.ts";

/** What the README calls operations of a kind. */
const titles: Readonly<Record<Kind, string>> = {
  elementwise: "number by number",
  axes: "along axes",
  windows: "pictures and others",
  layout: "moving, picking",
};

/** The rows of the README's table. */
function coverage(): string[][] {
  const operations = allOps.toSorted((a, b) => a.localeCompare(b));
  return Object.entries(titles).map(([kind, title]) => {
    const group = operations.filter((op) => operationOf(op).kind === kind);
    return [title, group.map((op) => `\`${op}\``).join(" ")];
  });
}

test("the README's table of operations is what can be traced", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const lines = readme.split("\n");
  const start = lines.findIndex((line) => line.startsWith("| traced operations")) + 2;
  const rows = lines.slice(start, lines.indexOf("", start));
  const cells = (line: string): string[] =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  expect(rows.map(cells)).toEqual(coverage());
});
