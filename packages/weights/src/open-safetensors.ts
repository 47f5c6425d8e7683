import { ClipError, parseJson, shown } from "@clip-ts/base";
import { readExactly, type ByteSource } from "./byte-source.ts";
import {
  byteLengthOf,
  dtypeBytes,
  dtypes,
  isDtype,
  isShape,
  noSuchTensor,
  rowBytes,
  type TensorFile,
  type TensorInfo,
} from "./tensor-file.ts";

/** Where a tensor lies: `offset` counts from the start of the data that follows the header. */
export interface TensorPlace extends TensorInfo {
  readonly name: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** The header of a safetensors file, checked: the tensors fill the data exactly, in stored order. */
export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly places: readonly TensorPlace[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readJson(bytes: Uint8Array, label: string): [Record<string, unknown>, string] {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = parseJson(text);
  } catch (cause) {
    throw new ClipError("bad-weights", `${label}: the header is not JSON in UTF-8.`, {
      data: { label },
      cause,
    });
  }
  if (isRecord(header)) return [header, text];
  throw new ClipError("bad-weights", `${label}: the header must be a JSON object.`, {
    data: { label },
  });
}

function parseMetadata(metadata: unknown, label: string): Record<string, string> {
  if (metadata === undefined) return {};
  if (isRecord(metadata) && Object.values(metadata).every((value) => typeof value === "string")) {
    return metadata as Record<string, string>;
  }
  throw new ClipError("bad-weights", `${label}: __metadata__ must map strings to strings.`, {
    data: { label },
  });
}

function isRange(value: unknown): value is readonly [begin: number, end: number] {
  return Array.isArray(value) && value.length === 2 && value.every(isCount);
}

function parsePlace(name: string, entry: unknown, label: string): TensorPlace {
  const fail = (expected: string, found: unknown): never => {
    const message = `${label}: tensor ${shown(name)}: expected ${expected}, found ${shown(found)}.`;
    throw new ClipError("bad-weights", message, { data: { label, name, expected, found } });
  };
  if (!isRecord(entry)) return fail("{dtype, shape, data_offsets}", entry);
  const { dtype, shape, data_offsets: range } = entry;
  if (!isDtype(dtype)) return fail(`dtype ${dtypes.join(", ")}`, dtype);
  if (!isShape(shape, dtypeBytes(dtype))) {
    return fail("a shape of whole numbers, at most 32, whose product can be counted", shape);
  }
  if (!isRange(range)) return fail("data_offsets [begin, end]", range);
  const [offset, end] = range;
  const byteLength = byteLengthOf({ dtype, shape });
  if (end - offset === byteLength) return { name, dtype, shape, offset, byteLength };
  return fail(`${byteLength} bytes for ${dtype} ${shown(shape)}`, range);
}

/** Refuses tensors that overlap, leave holes or do not end where the file ends. */
function assertFilled(places: readonly TensorPlace[], dataBytes: number, label: string): void {
  let position = 0;
  for (const { name, offset, byteLength } of places) {
    if (offset !== position) {
      const fault = offset < position ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new ClipError(
        "bad-weights",
        `${label}: tensor ${shown(name)} ${fault}: expected offset ${position}, found ${offset}.`,
        { data: { label, name, expected: position, found: offset } },
      );
    }
    position += byteLength;
    if (position > dataBytes) {
      throw new ClipError(
        "bad-weights",
        `${label}: tensor ${shown(name)} ends at byte ${position} of the data, but the file holds ${dataBytes}; it is truncated, fetch it again.`,
        { data: { label, name, expected: position, found: dataBytes } },
      );
    }
  }
  if (position === dataBytes) return;
  throw new ClipError(
    "bad-weights",
    `${label}: the tensors end at byte ${position} of the data, but the file holds ${dataBytes}.`,
    { data: { label, expected: position, found: dataBytes } },
  );
}

/** A name that stands twice hides its first entry from JSON.parse; both are seen as text. */
function assertNamedOnce(text: string, tensors: number, label: string): void {
  const entries = text.match(/"data_offsets"\s*:/gu)?.length ?? 0;
  if (entries <= tensors) return;
  throw new ClipError(
    "bad-weights",
    `${label}: the header describes ${entries} tensors under ${tensors} names: one stands there twice.`,
    { data: { label, entries, tensors } },
  );
}

/**
 * Reads a header (the format: https://github.com/huggingface/safetensors#format). `text` is its JSON,
 * `dataBytes` how many bytes follow it; `label` names the file in errors.
 */
function parseHeader(text: Uint8Array, dataBytes: number, label: string): SafetensorsHeader {
  const [header, json] = readJson(text, label);
  const metadata = Object.hasOwn(header, "__metadata__") ? header["__metadata__"] : undefined;
  const places = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => parsePlace(name, entry, label))
    .toSorted((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  assertNamedOnce(json, places.length, label);
  assertFilled(places, dataBytes, label);
  return { metadata: parseMetadata(metadata, label), places };
}

/** The longest header that safetensors allows, in bytes: what claims more is no safetensors file. */
export const longestHeader = 100_000_000;

/** The longest that is read: sixty thousand tensors, where the largest CLIP has a few thousand. */
const longestRead = 8 * 2 ** 20;

async function readHeader(source: ByteSource, label: string): Promise<SafetensorsHeader & { dataStart: number }> {
  const fail = (message: string): never => {
    throw new ClipError("bad-weights", `${label}: ${message}`, {
      data: { label, size: source.size },
    });
  };
  if (source.size < 8) {
    return fail(`expected a safetensors file, found ${source.size} bytes; fetch it again.`);
  }
  const start = await readExactly(source, { offset: 0, length: 8 }, label);
  const claimed = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (claimed > BigInt(longestHeader)) {
    return fail(
      `the header claims ${claimed} bytes, more than the ${longestHeader} allowed; this is no safetensors file.`,
    );
  }
  const length = Number(claimed);
  const dataStart = 8 + length;
  if (dataStart > source.size) {
    return fail(`the header claims ${length} bytes, but the file has ${source.size}; it is truncated, fetch it again.`);
  }
  if (length > longestRead) {
    return fail(`the header has ${length} bytes; at most ${longestRead} are read, and models need less.`);
  }
  const text = await readExactly(source, { offset: 8, length }, label);
  return { ...parseHeader(text, source.size - dataStart, label), dataStart };
}

/**
 * Opens a safetensors file by reading its header only. A header that is malformed, or does not fit
 * the file exactly, is a `bad-weights` error that names `label`, the tensor, what was expected and found.
 */
export async function openSafetensors(source: ByteSource, label = "safetensors"): Promise<TensorFile> {
  const { metadata, places, dataStart } = await readHeader(source, label);
  const byName = new Map(places.map((place) => [place.name, place]));
  const find = (name: string) => {
    const place = byName.get(name);
    if (place === undefined) throw noSuchTensor(label, name);
    return place;
  };
  return {
    label,
    metadata,
    names: places.map((place) => place.name),
    describe(name) {
      const { dtype, shape, byteLength } = find(name);
      return { dtype, shape, byteLength };
    },
    async read(name, rows) {
      const place = find(name);
      const { dtype, shape } = place;
      const part = rows === undefined ? { offset: 0, length: place.byteLength } : rowBytes(place, rows);
      const range = { offset: dataStart + place.offset + part.offset, length: part.length };
      const bytes = await readExactly(source, range, `${label}: tensor "${name}"`);
      if (rows === undefined) return { dtype, shape, bytes };
      return { dtype, shape: [rows[1] - rows[0], ...shape.slice(1)], bytes };
    },
  };
}
