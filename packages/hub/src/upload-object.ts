import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@clip-ts/base";
import type { HubAnswer } from "./exchange.ts";
import { odd } from "./hub-errors.ts";
import type { HubSettings } from "./hub-settings.ts";
import { requestHub } from "./request-hub.ts";
import { requestJson } from "./hub-answers.ts";

/** A large file: its place, size and SHA-256. */
export interface LargeFile {
  readonly path: string;
  readonly size: number;
  readonly oid: string;
}

interface Action {
  readonly href: string;
  readonly header?: Readonly<Record<string, string>>;
}

/** What Git LFS's batch answer says to do with an object (git-lfs, docs/api/batch.md). */
interface Actions {
  readonly upload?: Action;
  readonly verify?: Action;
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

/** The address of an action. @throws ClipError for one that is not encrypted, where the hub is. */
function addressOf(href: unknown, { endpoint }: HubSettings): string {
  const url = typeof href === "string" && URL.canParse(href) ? new URL(href) : undefined;
  const isOpen = url?.protocol === "http:" && endpoint.startsWith("http:");
  if (url !== undefined && (url.protocol === "https:" || isOpen)) return url.href;
  throw odd(endpoint, `tells to send a file to ${JSON.stringify(href)?.slice(0, 80)}.`);
}

async function askActions(settings: HubSettings, repository: string, { oid, size }: LargeFile): Promise<Actions> {
  const url = `${settings.endpoint}/${repository}.git/info/lfs/objects/batch`;
  const { objects } = await requestJson(url, settings, {
    method: "POST",
    headers: lfsHeaders,
    body: JSON.stringify({
      operation: "upload",
      transfers: ["basic", "multipart"],
      hash_algo: "sha256",
      objects: [{ oid, size }],
    }),
  });
  type Answer = { oid?: string; actions?: Actions; error?: { message: string } };
  const [object] = (Array.isArray(objects) ? objects : []) as Answer[];
  if (object?.oid !== oid) throw odd(url, "does not say what to do with the file.");
  if (object.error === undefined) return object.actions ?? {};
  throw new ClipError("bad-data", `The hub refuses ${oid}: ${object.error.message}.`);
}

/**
 * Sends a piece of a file to the address that the hub gave, which itself grants the right: no token goes
 * there. The piece is read anew for every try.
 */
function put(
  settings: HubSettings,
  href: unknown,
  file: LargeFile,
  [start, end]: readonly [number, number],
): Promise<HubAnswer> {
  return requestHub(addressOf(href, settings), settings, {
    method: "PUT",
    isAnonymous: true,
    headers: { "content-length": String(end - start) },
    body: end > start ? () => createReadStream(file.path, { start, end: end - 1 }) : "",
    read: (answer) => {
      answer.discard();
      return answer;
    },
  });
}

/** Sends a file in the parts that the hub asks for. */
async function sendParts(settings: HubSettings, { href, header = {} }: Action, file: LargeFile): Promise<void> {
  const size = Number(header["chunk_size"]);
  const addresses = Object.entries(header).filter(([key]) => /^\d+$/u.test(key));
  const inOrder = addresses.toSorted(([a], [b]) => Number(a) - Number(b));
  const isSound = size > 0 && inOrder.length === Math.ceil(file.size / size);
  if (!isSound || inOrder.some(([key], index) => Number(key) !== index + 1)) {
    throw odd(settings.endpoint, `asks for a file in ${inOrder.length} parts that do not make it up.`);
  }
  const parts: { partNumber: number; etag: string }[] = [];
  for (const [index, [number, address]] of inOrder.entries()) {
    const start = index * size;
    const { headers, url } = await put(settings, address, file, [start, Math.min(start + size, file.size)]);
    const etag = headers.get("etag");
    if (etag === null) throw odd(url, "took a part and gives no ETag for it.");
    parts.push({ partNumber: Number(number), etag });
  }
  const body = JSON.stringify({ oid: file.oid, parts });
  await post(settings, href, body, true);
}

async function post(settings: HubSettings, href: unknown, body: string, isAnonymous: boolean): Promise<void> {
  const sent = { method: "POST", headers: lfsHeaders, body, isAnonymous } as const;
  (await requestHub(addressOf(href, settings), settings, sent)).discard();
}

/** Brings a large file into a repository's store, unless it is there already. */
export async function uploadObject(settings: HubSettings, repository: string, file: LargeFile): Promise<void> {
  const { upload, verify } = await askActions(settings, repository, file);
  if (upload === undefined) return;
  const isInParts = upload.header?.["chunk_size"] !== undefined;
  if (isInParts) await sendParts(settings, upload, file);
  else await put(settings, upload.href, file, [0, file.size]);
  if (verify === undefined) return;
  await post(settings, verify.href, JSON.stringify({ oid: file.oid, size: file.size }), false);
}
