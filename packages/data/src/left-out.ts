/** What may be left out of a data set: one word, and how one and several are called. */
const kinds = {
  "unreadable-image": ["image that cannot be read", "images that cannot be read"],
  "bad-row": ["row that cannot be used", "rows that cannot be used"],
  "empty-caption": ["caption that is empty", "captions that are empty"],
  "no-caption": ["image without a caption", "images without a caption"],
  "unreadable-caption": ["caption file that cannot be read", "caption files that cannot be read"],
  "blank-line": ["blank line of a caption file", "blank lines of caption files"],
  "unlisted-folder": ["folder that cannot be listed", "folders that cannot be listed"],
  "broken-link": ["link that leads nowhere", "links that lead nowhere"],
  loop: ["link back to a folder above it", "links back to a folder above them"],
  special: ["name that is neither file nor folder", "names that are neither file nor folder"],
  beside: ["file beside the class folders", "files beside the class folders"],
  hidden: ["hidden file or folder", "hidden files and folders"],
  "large-entry": ["entry that is too large", "entries that are too large"],
  "unsafe-name": ["entry whose name leads out of its folder", "entries whose names lead out of their folder"],
  nameless: ["entry whose name has no key and ending", "entries whose names have no key and ending"],
  "second-key": ["entry whose key came before", "entries whose keys came before"],
  "cut-short": ["shard that cannot be read to its end", "shards that cannot be read to their end"],
  "not-utf8": ["text that is no UTF-8", "texts that are no UTF-8"],
} as const;

/** Why something is left out; `ending .heic` is for files of an ending that is not read. */
export type LeftOutKind = keyof typeof kinds | `ending ${string}`;

/** One thing that was left out. */
export interface LeftOutItem {
  /** A path or a place in a table. */
  readonly name: string;
  readonly reason?: string;
}

/** What was left out for one reason. Plain JSON. */
export interface LeftOut {
  readonly kind: LeftOutKind;
  readonly count: number;
  /** The first ten. */
  readonly examples: readonly LeftOutItem[];
}

/** Counts what is left out. */
export interface LeftOutTally {
  /** One thing, or `count` of them that have one name and reason, as the samples of a shard do. */
  add(kind: LeftOutKind, name: string, reason?: string, count?: number): void;
  /** So far, in the order of the kinds, endings last. */
  list(): LeftOut[];
}

const mostExamples = 10;
const order: readonly string[] = Object.keys(kinds);

/** The kinds in their order, then endings by name. */
function compareKinds({ kind: one }: LeftOut, { kind: other }: LeftOut): number {
  const rank = (kind: string): number => (Object.hasOwn(kinds, kind) ? order.indexOf(kind) : order.length);
  return rank(one) - rank(other) || (one < other ? -1 : 1);
}

/** A tally that has counted nothing yet. */
export function createTally(): LeftOutTally {
  const found = new Map<LeftOutKind, { count: number; examples: LeftOutItem[] }>();
  return {
    add(kind, name, reason, count = 1) {
      const entry = found.get(kind) ?? { count: 0, examples: [] };
      entry.count += count;
      if (entry.examples.length < mostExamples) {
        entry.examples.push(reason === undefined ? { name } : { name, reason });
      }
      found.set(kind, entry);
    },
    list: () =>
      Array.from(found, ([kind, { count, examples }]) => ({
        kind,
        count,
        examples: [...examples],
      })).toSorted(compareKinds),
  };
}

/** Several lists as one: what was left out for the same reason is added up. */
export function joinLeftOut(lists: readonly (readonly LeftOut[])[]): LeftOut[] {
  const joined = new Map<LeftOutKind, LeftOut>();
  for (const { kind, count, examples } of lists.flat()) {
    const before = joined.get(kind);
    joined.set(kind, {
      kind,
      count: count + (before?.count ?? 0),
      examples: [...(before?.examples ?? []), ...examples].slice(0, mostExamples),
    });
  }
  return [...joined.values()].toSorted(compareKinds);
}

function wordsFor({ kind, count }: LeftOut): string {
  if (Object.hasOwn(kinds, kind)) {
    return `${count} ${kinds[kind as keyof typeof kinds][count === 1 ? 0 : 1]}`;
  }
  const ending = kind.slice("ending ".length);
  const files = count === 1 ? "file" : "files";
  return ending === "" ? `${count} ${files} without an ending` : `${count} ${ending} ${files}`;
}

/** Examples with a reason have a line each; names alone share one. Endings say enough by themselves. */
function exampleLines({ kind, count, examples }: LeftOut): string[] {
  if (kind.startsWith("ending ")) return [];
  const rest = count - examples.length;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  if (examples.every(({ reason }) => reason === undefined)) {
    return [`  ${[...examples.map(({ name }) => name), ...more].join(", ")}`];
  }
  const lines = examples.map(({ name, reason = "" }) => (reason.includes(name) ? reason : `${name}: ${reason}`));
  return [...lines, ...more].map((line) => `  ${line}`);
}

/**
 * What was left out, in words: a line that counts each reason, then what it was. Nothing if nothing was
 * left out.
 */
export function leftOutLines(leftOut: readonly LeftOut[], label = "left out"): string[] {
  if (leftOut.length === 0) return [];
  const counts = leftOut.map(wordsFor).join(", ");
  return [`${label}: ${counts}`, ...leftOut.flatMap(exampleLines)];
}
