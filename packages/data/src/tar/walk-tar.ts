import { ClipError } from "@clip-ts/base";
import { readAhead, type ByteReader } from "../byte-reader.ts";
import { blockBytes, isEmptyBlock, readLongName, readPax, readTarHeader, type TarHeader } from "./tar-header.ts";

/** An entry of a tar: where its content lies. */
export interface TarEntry {
  readonly name: string;
  /** First byte of the content. */
  readonly offset: number;
  /** Bytes of the content. */
  readonly size: number;
  /** The type flag; "0" for a file. */
  readonly type: string;
  /** The content is not stored as it is: holes are left out. */
  readonly isSparse: boolean;
}

/** How far a walk came. */
export interface WalkEnd {
  /** Why it did not come to the end: the file is cut, or damaged. */
  readonly fault?: string;
}

/** More is no name but damage. */
const longestName = 2 ** 16;

/** Bytes after the end mark that are looked at; GNU tar and Python fill up to 10,240. */
const farthest = 2 ** 16;

/** What headers before an entry's own say of it. */
interface Before {
  readonly name?: string;
  readonly size?: number;
  readonly isSparse?: boolean;
}

const filled = (bytes: number): number => Math.ceil(bytes / blockBytes) * blockBytes;

function beforeOfPax(content: Uint8Array): Before {
  const records = readPax(content);
  const [name, size] = [records.get("path"), records.get("size")];
  const isSparse = [...records.keys()].some((name) => name.startsWith("GNU.sparse."));
  return {
    ...(name !== undefined && { name }),
    ...(size !== undefined && { size: Number(size) }),
    ...(isSparse && { isSparse }),
  };
}

/** Something that cannot be a tar at all. */
function noTar(label: string, block: Uint8Array): ClipError {
  const isPacked = block[0] === 0x1f && block[1] === 0x8b;
  const remedy = isPacked ? "it is packed by gzip: unpack it (gunzip)" : "its first block is no header of one";
  return new ClipError("bad-data", `${label} is not a tar archive: ${remedy}`, { data: { path: label } });
}

/** Whether something lies behind the end mark, as where tars were joined by `cat`. */
async function hasMore(ahead: ByteReader, at: number): Promise<boolean> {
  const rest = await ahead.read(at, Math.min(farthest, ahead.size - at));
  return !isEmptyBlock(rest);
}

/** A header, and where its content lies; or why the walk ends here. */
type Step = (TarHeader & { readonly start: number }) | WalkEnd;

async function stepAt(ahead: ByteReader, at: number, label: string): Promise<Step> {
  const block = await ahead.read(at, blockBytes);
  if (isEmptyBlock(block)) {
    if (!(await hasMore(ahead, at))) return {};
    return { fault: `after its end mark at byte ${at} there is more, which is not read: join tars by tar -A` };
  }
  const header = readTarHeader(block);
  if (header !== undefined) return { ...header, start: await contentStart(ahead, header, at) };
  if (at === 0) throw noTar(label, block);
  return { fault: `its header at byte ${at} is damaged` };
}

/** Why an entry cannot be read, if it cannot. */
function faultOf(
  { size: end }: ByteReader,
  { about, size, start, at }: { about: boolean; size: number; start: number; at: number },
): string | undefined {
  if (!Number.isSafeInteger(size) || size < 0 || start + size > end) {
    return `it ends at byte ${end}, within the entry at byte ${at}`;
  }
  return about && size > longestName ? `the name in its header at byte ${at} has ${size} bytes` : undefined;
}

/**
 * Goes through a tar from header to header: ustar, pax and GNU, names of any length. Ends at the end mark, at a
 * header that is damaged or where the file is cut; what it returns says which.
 * @throws ClipError "bad-data" for a file that does not begin as a tar.
 */
export async function* walkTar(source: ByteReader, label: string): AsyncGenerator<TarEntry, WalkEnd> {
  const ahead = readAhead(source);
  let before: Before = {};
  let at = 0;
  while (at + blockBytes <= source.size) {
    const step = await stepAt(ahead, at, label);
    if (!("start" in step)) return step;
    const about = isAbout(step.type);
    const size = about ? step.size : (before.size ?? step.size);
    const fault = faultOf(ahead, { about, size, start: step.start, at });
    if (fault !== undefined) return { fault };
    if (!about) yield entryOf(step, before, step.start);
    before = about ? Object.assign(before, await aboutNext(ahead, step, step.start)) : {};
    at = step.start + filled(size);
  }
  if (at === 0) throw new ClipError("bad-data", `${label} is not a tar archive: it has ${source.size} bytes`);
  return { fault: `it ends at byte ${source.size} without an end mark: it may be cut` };
}

/** A header whose content says something of the next entry, or of all. */
const isAbout = (type: string): boolean => "xXgLK".includes(type) && type !== "";

async function aboutNext(ahead: ByteReader, { type, size }: TarHeader, start: number): Promise<Before> {
  if (type === "g" || type === "K") return {};
  const content = await ahead.read(start, size);
  return type === "L" ? { name: readLongName(content) } : beforeOfPax(content);
}

/** Behind the header, and behind the blocks in which one of a sparse file goes on. */
async function contentStart(ahead: ByteReader, header: TarHeader, at: number): Promise<number> {
  let start = at + blockBytes;
  for (let goesOn = header.goesOn; goesOn && start + blockBytes <= ahead.size; start += blockBytes) {
    goesOn = (await ahead.read(start, blockBytes))[504] === 1;
  }
  return start;
}

function entryOf(header: TarHeader, before: Before, offset: number): TarEntry {
  const name = before.name ?? header.name;
  const isFile = header.type === "\0" || header.type === "0" || header.type === "7";
  const type = isFile ? (name.endsWith("/") ? "5" : "0") : header.type;
  const isSparse = header.type === "S" || before.isSparse === true;
  return { name, offset, size: before.size ?? header.size, type, isSparse };
}
