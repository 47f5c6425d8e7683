import { ClipError } from "@clip-ts/base";
import type { FileFacts } from "../shards/shard-store.ts";
import { shownPlace } from "./places.ts";

/** What a server says that a file's bytes add up to. */
export interface Checksum {
  readonly algorithm: "crc32" | "md5" | "sha256";
  /** In hexadecimal. */
  readonly value: string;
}

/** What is known of a file elsewhere. */
export interface RemoteFacts extends FileFacts {
  /** Tells a server which file a rest is asked of (If-Range, If-Match); without one nothing is continued. */
  readonly validator?: string | undefined;
  readonly checksum?: Checksum | undefined;
}

/** The rest of a file that is wanted: of what, and from which byte on. */
export interface Rest {
  readonly facts: RemoteFacts;
  readonly from: number;
}

/** Bytes that are on their way. */
export interface RemoteBody {
  /** The byte of the file that comes first: the one asked for, or 0 where the server sends it whole. */
  readonly start: number;
  /** Bytes of the whole file; undefined if that cannot be told beforehand. */
  readonly bytes: number | undefined;
  readonly chunks: () => AsyncIterable<Uint8Array>;
  readonly discard: () => void;
}

/** How one kind of server is asked. Each call is one try; errors say whether another may help (`isTransient`). */
export interface RemoteSource {
  readonly facts: (place: string) => Promise<RemoteFacts | undefined>;
  readonly open: (place: string, rest?: Rest) => Promise<RemoteBody | undefined>;
  readonly list?: (folder: string) => Promise<readonly string[]>;
  readonly close?: () => void;
}

const fault = (place: string, what: string, data: Readonly<Record<string, boolean>>): ClipError => {
  const shown = shownPlace(place);
  return new ClipError("bad-data", `${shown} ${what}`, { data: { ...data, place: shown } });
};

/** The error after which what was collected is worth nothing; another try begins at the first byte. */
export const mustStartOver = (place: string, what: string): ClipError =>
  fault(place, what, { isTransient: true, startsOver: true });

/** The error for a file that is another one than was asked about. */
export const hasChanged = (place: string): ClipError =>
  fault(place, "was changed on the server while it was fetched.", { isChanged: true });

const says = (error: unknown, what: string): boolean => error instanceof ClipError && error.data[what] === true;

export const startsOver = (error: unknown): boolean => says(error, "startsOver");
export const isChanged = (error: unknown): boolean => says(error, "isChanged");

/** Bytes as people read them. */
export function inBytes(bytes: number): string {
  if (bytes < 2 ** 20) return `${bytes} bytes`;
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
