import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import type { HubSettings } from "./hub-settings.ts";
import { requestHub } from "./request-hub.ts";

/** A large file: its place, size and SHA-256. */
export interface LargeFile {
  readonly path: string;
  readonly size: number;
  readonly oid: string;
}

/** What Git LFS's batch answer says to do with an object (git-lfs, docs/api/batch.md). */
interface Actions {
  readonly upload?: { readonly href: string; readonly header?: Readonly<Record<string, string>> };
  readonly verify?: { readonly href: string };
}

const lfsHeaders = {
  accept: "application/vnd.git-lfs+json",
  "content-type": "application/vnd.git-lfs+json",
};

/** The SHA-256 by which Git LFS knows a file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function askActions(
  settings: HubSettings,
  repository: string,
  { oid, size }: LargeFile,
): Promise<Actions> {
  const url = `${settings.endpoint}/${repository}.git/info/lfs/objects/batch`;
  const response = await requestHub(url, settings, {
    method: "POST",
    headers: lfsHeaders,
    body: JSON.stringify({
      operation: "upload",
      transfers: ["basic", "multipart"],
      hash_algo: "sha256",
      objects: [{ oid, size }],
    }),
  });
  const { objects } = (await response.json()) as {
    objects: readonly { actions?: Actions; error?: { message: string } }[];
  };
  const [object] = objects;
  if (object?.error === undefined) return object?.actions ?? {};
  throw new ClipError("bad-data", `The hub refuses ${oid}: ${object.error.message}.`);
}

/** Sends bytes to the address that the hub gave, which itself grants the right: no token goes there. */
async function put(settings: HubSettings, href: string, init: RequestInit): Promise<Response> {
  const { token: _kept, ...withoutToken } = settings;
  return requestHub(href, withoutToken, { method: "PUT", ...init });
}

async function sendWhole(settings: HubSettings, href: string, file: LargeFile): Promise<void> {
  const body = Readable.toWeb(createReadStream(file.path)) as ReadableStream;
  const headers = { "content-length": String(file.size) };
  const init = { body, headers, duplex: "half" as const }; // as fetch asks for where a body streams
  await put(settings, href, init);
}

/** Sends a file in the parts that the hub asks for, one in memory at a time. */
async function sendParts(
  settings: HubSettings,
  { href, header = {} }: NonNullable<Actions["upload"]>,
  file: LargeFile,
): Promise<void> {
  const size = Number(header["chunk_size"]);
  const addresses = Object.entries(header).filter(([key]) => /^\d+$/u.test(key));
  const inOrder = addresses.toSorted(([a], [b]) => Number(a) - Number(b));
  const parts: { partNumber: number; etag: string }[] = [];
  const handle = await open(file.path, "r");
  try {
    for (const [number, address] of inOrder) {
      const start = (Number(number) - 1) * size;
      const body = new Uint8Array(Math.min(size, file.size - start));
      await handle.read(body, 0, body.byteLength, start);
      const response = await put(settings, address, { body });
      parts.push({ partNumber: Number(number), etag: response.headers.get("etag") ?? "" });
    }
  } finally {
    await handle.close();
  }
  const { token: _kept, ...withoutToken } = settings;
  const body = JSON.stringify({ oid: file.oid, parts });
  await requestHub(href, withoutToken, { method: "POST", headers: lfsHeaders, body });
}

/** Brings a large file into a repository's store, unless it is there already. */
export async function uploadObject(
  settings: HubSettings,
  repository: string,
  file: LargeFile,
): Promise<void> {
  const { upload, verify } = await askActions(settings, repository, file);
  if (upload === undefined) return;
  const isInParts = upload.header?.["chunk_size"] !== undefined;
  if (isInParts) await sendParts(settings, upload, file);
  else await sendWhole(settings, upload.href, file);
  if (verify === undefined) return;
  const body = JSON.stringify({ oid: file.oid, size: file.size });
  await requestHub(verify.href, settings, { method: "POST", headers: lfsHeaders, body });
}
