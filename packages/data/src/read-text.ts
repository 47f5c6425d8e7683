import { ClipError } from "@clip-ts/base";
import { Gunzip } from "fflate";
import { type FileAccess, reasonOf } from "./file-access.ts";

/** A longer text is none that a JavaScript string can hold. */
const longestText = 2 ** 29 - 24;

/** Packed bytes handed over at a time, so that too much output is noticed early. */
const step = 2 ** 16;

function tooLong(path: string): ClipError {
  return new ClipError(
    "unsupported",
    `${path} holds more than ${Math.floor(longestText / 2 ** 20)} MiB of text, which is the most that ` +
      "is read at once: split it into several files",
    { data: { path } },
  );
}

/** Unpacks what gzip packed, several parts one after another among it. */
function unpack(packed: Uint8Array, path: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isWhole = false;
  const gunzip = new Gunzip((chunk, isLast) => {
    chunks.push(chunk);
    length += chunk.byteLength;
    isWhole = isLast;
    if (length > longestText) throw tooLong(path);
  });
  try {
    for (let at = 0; at < packed.byteLength; at += step) {
      gunzip.push(packed.subarray(at, at + step), at + step >= packed.byteLength);
    }
    if (!isWhole) throw new Error("it ends early");
  } catch (cause) {
    if (cause instanceof ClipError) throw cause;
    throw new ClipError("bad-data", `${path} is damaged, gzip says: ${reasonOf(cause)}`, { cause });
  }
  const whole = new Uint8Array(length);
  let filled = 0;
  for (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.byteLength;
  }
  return whole;
}

/** The encoding that a byte order mark names; UTF-8 without one. */
function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

/**
 * The text of a file without its byte order mark: UTF-8, or UTF-16 with the mark; unpacked where it
 * begins as gzip does, whatever its name.
 */
export async function readText(files: FileAccess, path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(path);
  } catch (cause) {
    throw new ClipError("not-found", `cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = unpack(bytes, path);
  if (bytes.byteLength > longestText) throw tooLong(path);
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ClipError("bad-data", `${path} is not UTF-8 text; save it as UTF-8`, { cause });
  }
}
