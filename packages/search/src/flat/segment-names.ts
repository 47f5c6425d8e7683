import { ClipError } from "@clip-ts/base";

/** A segment's file and the changes it stands for. */
export interface SegmentName {
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

const digits = 10;
const pattern = /^rows-(\d{10})-(\d{10})\.flat$/u;

/** What the file of changes `first` to `last` is called. */
export function segmentName({ first, last }: { readonly first: number; readonly last: number }): string {
  return `rows-${String(first).padStart(digits, "0")}-${String(last).padStart(digits, "0")}.flat`;
}

/** The segments among the names of files. */
export function segmentNames(names: readonly string[]): SegmentName[] {
  return names.flatMap((name) => {
    const [, first, last] = pattern.exec(name) ?? [];
    return first === undefined ? [] : [{ name, first: Number(first), last: Number(last) }];
  });
}

/**
 * The segments that make up an index, in order, and those left over: what was merged into another is still there if
 * the process ended before it was removed.
 * @throws ClipError "bad-data" that names what is missing.
 */
export function chooseSegments(names: readonly string[]): {
  readonly chosen: readonly SegmentName[];
  readonly leftOver: readonly SegmentName[];
} {
  const ordered = segmentNames(names).toSorted((a, b) => a.first - b.first || b.last - a.last);
  const chosen: SegmentName[] = [];
  const leftOver: SegmentName[] = [];
  let end = 0;
  for (const segment of ordered) {
    if (segment.last <= end) leftOver.push(segment);
    else if (segment.first !== end + 1) {
      const message = `The file before ${segment.name} is missing, which begins with ${segmentName({ first: end + 1, last: end + 1 }).slice(0, 15)}. Put it back, or make the index anew.`;
      throw new ClipError("bad-data", message);
    } else {
      chosen.push(segment);
      end = segment.last;
    }
  }
  return { chosen, leftOver };
}
