import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { elementwise } from "../../onnx/src/lower-elementwise.ts";
import { reductions } from "../../onnx/src/lower-reductions.ts";
import { structure } from "../../onnx/src/lower-structure.ts";
import { lowerings as onnx } from "../../onnx/src/lowerings.ts";
import { lowerings as tensorflow } from "./lowerings.ts";
import { shapeRules } from "../../jit/src/trace/kernels.ts";

/** What an operation does with its operands. */
function kindOf(op: string): string {
  if (op in elementwise) return "number by number";
  if (op in reductions) return "along axes";
  return op in structure ? "moving, picking" : "pictures and others";
}

/** "all", or what is missing. */
function covered(operations: readonly string[], target: ReadonlyMap<string, unknown>): string {
  const missing = operations.filter((op) => !target.has(op));
  return missing.length === 0 ? "all" : `not ${missing.join(", ")}`;
}

/** The rows of the README's table. */
function coverage(): string[][] {
  const operations = [...shapeRules.keys()].toSorted((a, b) => a.localeCompare(b));
  return [...new Set(operations.map(kindOf))].map((kind) => {
    const group = operations.filter((op) => kindOf(op) === kind);
    const shown = group.map((op) => `\`${op}\``).join(" ");
    return [kind, shown, covered(group, onnx), covered(group, tensorflow)];
  });
}

test("the README's table of operations is what can be traced and written", () => {
  const readme = readFileSync(new URL("../../jit/README.md", import.meta.url), "utf8");
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
