/** How much of a value a message shows. */
const limits = { characters: 120, entries: 8, depth: 3 } as const;

/** A text that is longer than messages show, cut. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

function shownWithin(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(cut(value, limits.characters));
  if (typeof value === "bigint") return cut(String(value), limits.characters);
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? String(value);
  if (Array.isArray(value)) {
    if (depth === 0 && value.length > 0) return "[…]";
    const some: readonly unknown[] = value.slice(0, limits.entries);
    const items = some.map((item) => shownWithin(item, depth - 1));
    return `[${[...items, ...(value.length > limits.entries ? ["…"] : [])].join(",")}]`;
  }
  const keys = Object.keys(value);
  if (depth === 0 && keys.length > 0) return "{…}";
  const record = value as Readonly<Record<string, unknown>>;
  const entries = keys
    .slice(0, limits.entries)
    .map(
      (key) =>
        `${JSON.stringify(cut(key, limits.characters))}:${shownWithin(record[key], depth - 1)}`,
    );
  return `{${[...entries, ...(keys.length > limits.entries ? ["…"] : [])].join(",")}}`;
}

/**
 * A value as an error message shows it: JSON, with long texts, long lists and deep nesting cut, so that no
 * input makes a message that is longer than a line or two, or cannot be made at all.
 */
export function shown(value: unknown): string {
  return cut(shownWithin(value, limits.depth), 2 * limits.characters);
}
