import type { HostArrays } from "@clip-ts/core";
import { microBatchesOf } from "./micro-batches.ts";

/** The same values under longer names: `param:` before each, say. */
export function prefixed<Value>(
  prefix: string,
  tree: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [`${prefix}:${name}`, value]),
  );
}

const shapesOf = (arrays: HostArrays): string =>
  Object.entries(arrays)
    .map(([name, { shape }]) => `${name} ${shape.join("x")}`)
    .join(", ");

/** Texts that follow each other unchanged, counted: "2 x (a), 1 x (b)". */
function counted(texts: readonly string[]): string[] {
  const runs: { text: string; count: number }[] = [];
  for (const text of texts) {
    const last = runs.at(-1);
    if (last?.text === text) last.count += 1;
    else runs.push({ text, count: 1 });
  }
  return runs.map(({ text, count }) => `${count} x (${text})`);
}

/** The shapes of a batch as text: a step is compiled for each. */
export function shapesKey(batch: HostArrays): string {
  const { parts, shared } = microBatchesOf(batch);
  const texts = [...counted(parts.map(shapesOf)), shapesOf(shared)];
  return texts.filter((text) => text !== "").join(", ");
}
