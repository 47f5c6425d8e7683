/** How much of a value a message shows. */
const limits = { characters: 120, entries: 8, depth: 3 } as const;

/** A text that is longer than messages show, cut. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** Its first entries, and a mark for the rest. */
function joined(entries: readonly string[], length: number): string {
  return [...entries, ...(length > limits.entries ? ["…"] : [])].join(",");
}

function shownList(list: readonly unknown[], depth: number): string {
  if (depth === 0 && list.length > 0) return "[…]";
  const items = list.slice(0, limits.entries).map((item) => shownWithin(item, depth - 1));
  return `[${joined(items, list.length)}]`;
}

function shownRecord(record: Readonly<Record<string, unknown>>, depth: number): string {
  const keys = Object.keys(record);
  if (depth === 0 && keys.length > 0) return "{…}";
  const entries = keys.slice(0, limits.entries).map((key) => {
    const name = JSON.stringify(cut(key, limits.characters));
    return `${name}:${shownWithin(record[key], depth - 1)}`;
  });
  return `{${joined(entries, keys.length)}}`;
}

function shownWithin(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(cut(value, limits.characters));
  if (typeof value === "bigint") return cut(String(value), limits.characters);
  if (Array.isArray(value)) return shownList(value, depth);
  if (typeof value === "object" && value !== null)
    return shownRecord(value as Readonly<Record<string, unknown>>, depth);
  return JSON.stringify(value) ?? String(value);
}

/**
 * A value as an error message shows it: JSON, with long texts, long lists and deep nesting cut, so that no
 * input makes a message that is longer than a line or two, or cannot be made at all.
 */
export function shown(value: unknown): string {
  return cut(shownWithin(value, limits.depth), 2 * limits.characters);
}
