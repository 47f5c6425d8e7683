import { ClipError, shown } from "@clip-ts/base";
import type { Quoting } from "@clip-ts/data";
import type { ShardSetKind } from "@clip-ts/node";

/** How a source is read and reached, as it was asked for when it joined the index. */
export interface SourceReading {
  /** What it is: told by names where nobody said it, and kept, since names may come that say otherwise. */
  readonly kind?: ShardSetKind;
  /** Endings or columns of images; the usual ones if absent. */
  readonly image?: readonly string[];
  /** Of tables. */
  readonly separator?: string;
  /** Of tables. */
  readonly quoting?: Quoting;
  /** A store that speaks S3. */
  readonly endpoint?: string;
  /** Read without credentials. */
  readonly anonymous?: boolean;
}

/** Settings under which other pictures would have the same ids; those of how a place is reached may change. */
const settled = ["kind", "image", "separator", "quoting"] as const;

/**
 * @throws ClipError "bad-config" if a source of an index is to be read otherwise than before: pictures of both kinds
 *   would lie side by side, and which is which could not be told.
 */
export function refuseOtherReading(path: string, before: SourceReading | undefined, now: SourceReading): void {
  if (before === undefined) return;
  for (const name of settled) {
    const [was, is] = [before[name], now[name]];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    const as = (value: unknown): string => (value === undefined ? "as usual" : shown(value));
    throw new ClipError(
      "bad-config",
      `${path} is in the index read with ${name} ${as(was)}, not ${as(is)}: leave the option out, take the source out ` +
        `first with --forget ${path}, or embed anew with --remap.`,
      { data: { path, name, before: was, now: is } },
    );
  }
}

/** How the sources of an index are read, from what was known and what is looked through now; those without are left out. */
export function settleReadings(
  paths: readonly string[],
  before: Readonly<Record<string, SourceReading>>,
  now: readonly { readonly path: string; readonly reading?: SourceReading | undefined }[],
): Readonly<Record<string, SourceReading>> {
  const given = new Map(now.map(({ path, reading }) => [path, reading]));
  return Object.fromEntries(
    paths.flatMap((path) => {
      const reading = given.get(path) ?? before[path];
      return reading === undefined ? [] : [[path, reading]];
    }),
  );
}
