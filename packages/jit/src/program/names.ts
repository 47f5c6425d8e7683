import type { HostArrays } from "./host-array.ts";

/** The same values under longer names: `param:` before each, say. */
export function prefixed<Value>(
  prefix: string,
  tree: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]) => [`${prefix}:${name}`, value]),
  );
}

/** The shapes of a batch as text: a step is compiled for each. */
export function shapesKey(batch: HostArrays): string {
  return Object.entries(batch)
    .map(([name, { shape }]) => `${name} ${shape.join("x")}`)
    .join(", ");
}
