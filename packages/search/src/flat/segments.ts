import { ClipError, isClipError, shown } from "@clip-ts/base";
import { hasSameFields } from "../fields.ts";
import type { IndexFiles } from "../index-files.ts";
import type { FieldKinds } from "../vector-index.ts";
import type { Block } from "./block.ts";
import { readSegment, segmentBytes, type Layout } from "./segment-file.ts";
import { chooseSegments, segmentName, segmentNames } from "./segment-names.ts";
import { emptyVectors, type Dtype } from "./vectors.ts";

/** What an index is asked to be; what is stored says the rest. */
export interface Wanted {
  readonly dim: number;
  readonly kinds: FieldKinds;
  readonly dtype: Dtype | undefined;
}

/** Where the blocks of an index are kept. */
export interface Segments {
  readonly layout: Layout;
  /** What was kept, in order. */
  readonly stored: AsyncIterable<Block>;
  /** Keeps a block, once this resolves, in the place of those that it covers. */
  write(block: Block): Promise<void>;
  /** Forgets blocks that another covers. */
  remove(blocks: readonly Block[]): Promise<void>;
}

function refuseOther(name: string, what: string, [stored, wanted]: readonly [unknown, unknown]): never {
  const message = `${name} holds ${what} ${shown(stored)}; the index was opened for ${shown(wanted)}. Open it for what it holds, or make another.`;
  throw new ClipError("bad-argument", message, { data: { name, stored, wanted } });
}

function assertLayout(name: string, { dim, kinds, dtype }: Layout, wanted: Wanted): void {
  if (dim !== wanted.dim) refuseOther(name, "vectors of the width", [dim, wanted.dim]);
  if (!hasSameFields(kinds, wanted.kinds)) refuseOther(name, "the fields", [kinds, wanted.kinds]);
  if (dtype !== (wanted.dtype ?? dtype)) refuseOther(name, "numbers as", [dtype, wanted.dtype]);
}

/** The first block of an index, which says what it holds before anything is in it. */
function foundation({ dtype, dim, kinds }: Layout): Block {
  const columns = new Map(
    Object.entries(kinds).map(([name, kind]) => [name, kind === "number" ? new Float64Array() : []] as const),
  );
  const vectors = emptyVectors(dtype, dim, 0);
  return { first: 1, last: 1, removed: [], ids: [], columns, vectors, diedAt: new Uint32Array() };
}

async function* inMemory(layout: Layout): AsyncGenerator<Block> {
  yield foundation(layout);
}

/** Blocks that end with the process. */
export function segmentsInMemory({ dim, kinds, dtype = "f32" }: Wanted): Segments {
  const layout = { dim, kinds, dtype };
  return { layout, stored: inMemory(layout), write: () => Promise.resolve(), remove: () => Promise.resolve() };
}

/** Whether a flat index was not opened because another process merged its files meanwhile: to open it again helps. */
export const isMergedMeanwhile = (error: unknown): boolean =>
  isClipError(error) && error.data["isMergedMeanwhile"] === true;

async function readNamed(files: IndexFiles, name: string, wanted: Wanted): Promise<ReturnType<typeof readSegment>> {
  const bytes = await files.read(name);
  if (bytes === undefined) {
    throw new ClipError("bad-data", `${name} went away while the index was opened. Open it again.`, {
      data: { name, isMergedMeanwhile: true },
    });
  }
  const segment = readSegment(name, bytes);
  assertLayout(name, segment.layout, wanted);
  return segment;
}

/** What is read one after another, and what goes once all of it proved whole. */
interface Files {
  readonly oldest: Block;
  readonly later: readonly string[];
  readonly leftOver: readonly string[];
}

async function* readAll(files: IndexFiles, { oldest, later, leftOver }: Files, wanted: Wanted): AsyncGenerator<Block> {
  yield oldest;
  for (const name of later) yield (await readNamed(files, name, wanted)).block;
  for (const name of leftOver) await files.remove(name);
}

/** The error for a segment among the files that this index did not put there. */
function unexpected(name: string, isOwn: boolean): ClipError {
  const why = isOwn ? "stands for a write that failed" : "was written by another that has this index open";
  const message = `${name} ${why}. Let one at a time change an index; close this one and open it anew.`;
  return new ClipError("not-written", message, { data: { name } });
}

/** Writes what is new, and keeps account of the files so that a second writer is noticed. */
function writing(files: IndexFiles, layout: Layout, known: Set<string>): Pick<Segments, "write" | "remove"> {
  const failed = new Set<string>();
  return {
    async write(block) {
      const name = segmentName(block);
      const foreign = segmentNames(await files.list()).find((segment) => !known.has(segment.name));
      if (foreign !== undefined) throw unexpected(foreign.name, failed.has(foreign.name));
      try {
        await files.write(name, segmentBytes(layout, block));
      } catch (error) {
        failed.add(name);
        // Whoever asked is told that nothing was kept: then nothing may be found at the next start. A file that is
        // written anew in its own place holds the same rows before and after.
        if (!known.has(name)) await files.remove(name).catch(() => undefined);
        throw error;
      }
      known.add(name);
    },
    async remove(blocks) {
      for (const block of blocks) {
        await files.remove(segmentName(block));
        known.delete(segmentName(block));
      }
    },
  };
}

/**
 * The segments among files; the first is made if there is none. What an interrupted merge left over is removed.
 * @throws ClipError "bad-argument" for an index of another width, fields or numbers; "bad-data" for a damaged one.
 */
export async function openSegments(files: IndexFiles, wanted: Wanted): Promise<Segments> {
  const { chosen, ...rest } = chooseSegments(await files.list());
  const [oldest] = chosen;
  if (oldest === undefined) {
    const layout = { ...wanted, dtype: wanted.dtype ?? "f32" };
    const known = new Set<string>();
    const made = writing(files, layout, known);
    await made.write(foundation(layout));
    return { layout, stored: inMemory(layout), ...made };
  }
  const { layout, block } = await readNamed(files, oldest.name, wanted);
  const names = chosen.map(({ name }) => name);
  const leftOver = rest.leftOver.map(({ name }) => name);
  const parts = { oldest: block, later: names.slice(1), leftOver };
  const stored = readAll(files, parts, { ...wanted, dtype: layout.dtype });
  return { layout, stored, ...writing(files, layout, new Set(names)) };
}
