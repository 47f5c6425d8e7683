import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerUpload, type Uploads } from "./local-hub-uploads.ts";

/** What a repository of the local hub holds. */
export interface LocalRepository {
  readonly files: Map<string, Uint8Array>;
  /** Whether the hub demands a token for it. */
  readonly isPrivate?: boolean;
}

/** Faults that the local hub shows until they are taken away. */
export interface HubFaults {
  /** Breaks the connection after this many bytes of a large file; each time it is asked. */
  breakAfter?: number;
  /** Sends other bytes than it promises. */
  corrupt?: boolean;
  /** Ignores ranges. */
  withoutRanges?: boolean;
}

/** Answers a request itself, or returns false. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A server on this machine that speaks the hub's protocol, as far as downloads and uploads need it. */
export interface LocalHub {
  readonly endpoint: string;
  readonly repositories: Map<string, LocalRepository>;
  /** New names of repositories by their old ones. */
  readonly renamed: Map<string, string>;
  readonly faults: HubFaults;
  /** Method and path of every request, with its range if there is one. */
  readonly requests: string[];
  readonly uploads: Uploads;
  /** Answers in the hub's place; whatever it returns false for is answered as ever. */
  intercept?: Intercept;
  readonly close: () => Promise<void>;
}

/** The token that the local hub knows. */
export const hubToken = "hf_test";

/** Files of this size and more lie in a store of their own, and their ETag is a SHA-256. */
const largeFrom = 1024;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitHash = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.byteLength}\0`).update(bytes).digest("hex");

/** The commit of a repository changes with its files. */
function commitOf({ files }: LocalRepository): string {
  const names = [...files].map(([name, bytes]) => `${name} ${sha256(bytes)}`);
  return createHash("sha1").update(names.join("\n")).digest("hex");
}

type Hub = Omit<LocalHub, "close">;

function end(response: ServerResponse, status: number, body: string | Uint8Array = ""): void {
  response.writeHead(status).end(body);
}

/** Every file's bytes, by the hash that the store knows it by. */
function storedBytes({ repositories }: Hub, key: string): Uint8Array | undefined {
  const all = [...repositories.values()].flatMap(({ files }) => [...files.values()]);
  return all.find((bytes) => sha256(bytes) === key);
}

/** Where the asked range starts; 0 where ranges are ignored. */
function startOf({ headers }: IncomingMessage, { withoutRanges = false }: HubFaults): number {
  const start = /^bytes=(\d+)-/u.exec(headers.range ?? "")?.[1];
  return withoutRanges ? 0 : Number(start ?? 0);
}

function sendStored(hub: Hub, request: IncomingMessage, response: ServerResponse): void {
  const found = storedBytes(hub, (request.url ?? "").slice("/store/".length));
  if (found === undefined) return end(response, 404);
  const { breakAfter = Infinity, corrupt = false } = hub.faults;
  const start = startOf(request, hub.faults);
  const rest = found.slice(start);
  if (corrupt) rest.fill(7);
  const range = `bytes ${start}-${found.byteLength - 1}/${found.byteLength}`;
  response.writeHead(start > 0 ? 206 : 200, {
    "content-length": rest.byteLength,
    ...(start > 0 && { "content-range": range }),
  });
  if (breakAfter >= rest.byteLength) return void response.end(rest);
  response.write(rest.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 20));
}

function sendFile(
  repository: LocalRepository,
  name: string,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): void {
  const bytes = repository.files.get(name);
  if (bytes === undefined) return end(response, 404);
  response.setHeader("x-repo-commit", commitOf(repository));
  if (bytes.byteLength < largeFrom) {
    response.writeHead(200, { etag: `"${gitHash(bytes)}"`, "content-length": bytes.byteLength });
    return void response.end(request.method === "HEAD" ? undefined : bytes);
  }
  response.writeHead(302, {
    location: `/store/${sha256(bytes)}`,
    "x-linked-etag": `"${sha256(bytes)}"`,
    "x-linked-size": bytes.byteLength,
    etag: '"of-the-redirect"',
  });
  response.end();
}

const repositoryPath = /^\/(?:api\/models\/)?(?<name>[^/]+\/[^/]+)\/(?:revision|resolve)\//u;
const filePath = /\/resolve\/[^/]+\/(?<file>.+)$/u;

/** A repository that whoever asks may see, or the status that refuses it. */
function findRepository(hub: Hub, url: string, isKnown: boolean): LocalRepository | number {
  const repository = hub.repositories.get(repositoryPath.exec(url)?.groups?.["name"] ?? "");
  if (repository === undefined) return isKnown ? 404 : 401;
  return repository.isPrivate === true && !isKnown ? 401 : repository;
}

/** The address of a renamed repository. */
function movedUrl({ renamed }: Hub, url: string): string | undefined {
  const name = repositoryPath.exec(url)?.groups?.["name"] ?? "";
  const target = renamed.get(name);
  return target === undefined ? undefined : url.replace(name, target);
}

function answer(hub: Hub, request: IncomingMessage, response: ServerResponse): void {
  const url = decodeURIComponent(request.url ?? "");
  if (url.startsWith("/store/")) return sendStored(hub, request, response);
  const moved = movedUrl(hub, url);
  if (moved !== undefined) return void response.writeHead(307, { location: moved }).end();
  const isKnown = request.headers.authorization === `Bearer ${hubToken}`;
  const repository = findRepository(hub, url, isKnown);
  if (typeof repository === "number") return end(response, repository);
  const file = filePath.exec(url)?.groups?.["file"];
  if (file !== undefined) return sendFile(repository, file, { request, response });
  const siblings = [...repository.files.keys()].map((rfilename) => ({ rfilename }));
  end(response, 200, JSON.stringify({ sha: commitOf(repository), siblings }));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

/** Starts a hub without repositories; close it when done. */
export async function startLocalHub(): Promise<LocalHub> {
  const hub: { -readonly [Key in keyof Hub]: Hub[Key] } = {
    endpoint: "",
    repositories: new Map(),
    renamed: new Map(),
    faults: {},
    requests: [],
    uploads: { objects: new Map(), parts: new Map(), verified: [], created: [], commits: [] },
  };
  const server = createServer((request, response) => {
    const range = request.headers.range === undefined ? "" : ` ${request.headers.range}`;
    hub.requests.push(`${request.method} ${decodeURIComponent(request.url ?? "")}${range}`);
    if (hub.intercept?.(request, response) === true) return;
    const isUpload = request.method === "POST" || request.method === "PUT";
    if (!isUpload) return answer(hub, request, response);
    void answerUpload(hub.uploads, request, response);
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  hub.endpoint = `http://127.0.0.1:${port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return Object.assign(hub, { close });
}
