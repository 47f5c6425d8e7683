import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatGraph, watchGraphs, type Graph } from "@clip-ts/jit";

/** Values numbered in the order in which the text names them, so that the numbers say nothing of how they came. */
function renumbered(text: string): string {
  const numbers = new Map<string, string>();
  return text.replaceAll(/%\d+/g, (id) => {
    const known = numbers.get(id) ?? `%${numbers.size}`;
    numbers.set(id, known);
    return known;
  });
}

/** A graph as text, one operation a line, with a digest of each constant's values. */
function describe(graph: Graph): string {
  const constants = graph.constants.map(({ data }) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return `constant of ${data.length}: ${createHash("sha256").update(bytes).digest("hex")}`;
  });
  return renumbered([formatGraph(graph), ...constants].join("\n"));
}

/** How many this process has written, whichever engines it started. */
let count = 0;

/**
 * Writes every graph that is compiled from now on into a folder, as text in the order in which they come, where
 * the environment names one in CLIP_TS_DUMP_GRAPHS. Two trees that compile the same write the same.
 */
export function dumpGraphs(): void {
  const folder = process.env["CLIP_TS_DUMP_GRAPHS"];
  if (folder === undefined || folder === "") return;
  mkdirSync(folder, { recursive: true });
  watchGraphs((graph) => {
    const name = `${String(count).padStart(3, "0")}.txt`;
    count += 1;
    writeFileSync(join(folder, name), `${describe(graph)}\n`);
  });
}
