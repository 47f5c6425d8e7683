import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

/** A commit that was made: its summary, and its files' contents or the objects they are. */
export interface LocalCommit {
  readonly repository: string;
  readonly summary: string;
  readonly files: Readonly<Record<string, Uint8Array | string>>;
}

/** What the local hub was sent. */
export interface Uploads {
  /** Large files by their SHA-256. */
  readonly objects: Map<string, Uint8Array>;
  /** Parts of files that come in several, by object and number. */
  readonly parts: Map<string, Uint8Array>;
  readonly verified: string[];
  readonly created: string[];
  readonly commits: LocalCommit[];
  /** Size from which large files come in parts of this size; undefined: never. */
  partSize?: number;
}

interface Call {
  readonly uploads: Uploads;
  readonly path: string;
  readonly body: Buffer;
  readonly host: string;
}

type Reply = { readonly status?: number; readonly json?: unknown; readonly etag?: string };

const parse = (body: Buffer): Record<string, never> => JSON.parse(body.toString()) as Record<string, never>;

/** Every file of 1 KiB and more is large. */
function preupload({ body }: Call): Reply {
  const { files } = parse(body) as unknown as { files: { path: string; size: number }[] };
  const modes = files.map(({ path, size }) => ({
    path,
    uploadMode: size < 1024 ? "regular" : "lfs",
  }));
  return { json: { files: modes } };
}

function batch({ uploads, body, host }: Call): Reply {
  const { objects } = parse(body) as unknown as { objects: { oid: string; size: number }[] };
  const answer = objects.map(({ oid, size }) => {
    if (uploads.objects.has(oid)) return { oid, size };
    const verify = { href: `http://${host}/verify/${oid}` };
    const { partSize } = uploads;
    if (partSize === undefined) {
      return { oid, size, actions: { upload: { href: `http://${host}/upload/${oid}` }, verify } };
    }
    const count = Math.ceil(size / partSize);
    const parts = Array.from({ length: count }, (_, index) => String(index + 1).padStart(5, "0"));
    const header = Object.fromEntries(parts.map((part) => [part, `http://${host}/part/${oid}/${part}`]));
    const upload = {
      href: `http://${host}/complete/${oid}`,
      header: { chunk_size: String(partSize), ...header },
    };
    return { oid, size, actions: { upload, verify } };
  });
  return {
    json: { transfer: uploads.partSize === undefined ? "basic" : "multipart", objects: answer },
  };
}

function upload({ uploads, path, body }: Call): Reply {
  const oid = path.split("/").at(-1) ?? "";
  if (createHash("sha256").update(body).digest("hex") !== oid) return { status: 400 };
  uploads.objects.set(oid, body);
  return {};
}

function part({ uploads, path, body }: Call): Reply {
  uploads.parts.set(path.slice("/part/".length), body);
  return { etag: `"${path.split("/").at(-1)}"` };
}

function complete({ uploads, path, body }: Call): Reply {
  const oid = path.split("/").at(-1) ?? "";
  const { parts } = parse(body) as unknown as { parts: { partNumber: number; etag: string }[] };
  const pieces = parts.map(({ partNumber }) => {
    return uploads.parts.get(`${oid}/${String(partNumber).padStart(5, "0")}`) ?? new Uint8Array();
  });
  return upload({ uploads, path, body: Buffer.concat(pieces), host: "" });
}

function commit({ uploads, path, body }: Call): Reply {
  const lines = body
    .toString()
    .split("\n")
    .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
  const files = lines.flatMap(({ key, value }): [string, Uint8Array | string][] => {
    if (key === "file") return [[value["path"] ?? "", Buffer.from(value["content"] ?? "", "base64")]];
    return key === "lfsFile" ? [[value["path"] ?? "", value["oid"] ?? ""]] : [];
  });
  const repository = /^\/api\/models\/([^/]+\/[^/]+)\//u.exec(path)?.[1] ?? "";
  const summary = lines[0]?.value["summary"] ?? "";
  uploads.commits.push({ repository, summary, files: Object.fromEntries(files) });
  return { json: { commitOid: "c".repeat(40), commitUrl: path } };
}

function create({ uploads, body }: Call): Reply {
  const { name, organization } = parse(body) as unknown as { name: string; organization: string };
  const repository = `${organization}/${name}`;
  if (uploads.created.includes(repository)) return { status: 409, json: { error: "exists" } };
  uploads.created.push(repository);
  return { json: { url: repository } };
}

function verify({ uploads, path }: Call): Reply {
  uploads.verified.push(path.split("/").at(-1) ?? "");
  return {};
}

const routes: readonly (readonly [RegExp, (call: Call) => Reply])[] = [
  [/^\/api\/repos\/create$/u, create],
  [/\/preupload\//u, preupload],
  [/\.git\/info\/lfs\/objects\/batch$/u, batch],
  [/^\/upload\//u, upload],
  [/^\/part\//u, part],
  [/^\/complete\//u, complete],
  [/^\/verify\//u, verify],
  [/\/commit\//u, commit],
];

/** Requests to the hub itself need the token; those to its store carry their right in the address. */
function isAllowed(request: IncomingMessage): boolean {
  const isStore = /^\/(upload|part|complete)\//u.test(request.url ?? "");
  return isStore || request.headers.authorization === "Bearer hf_test";
}

/** Answers a request that brings something. */
export async function answerUpload(
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const path = request.url ?? "";
  const route = routes.find(([pattern]) => pattern.test(path))?.[1];
  if (route === undefined) return void response.writeHead(404).end();
  if (!isAllowed(request)) return void response.writeHead(401).end();
  const body = Buffer.concat(chunks);
  const { status = 200, json, etag } = route({ uploads, path, body, host: request.headers.host ?? "" });
  response.writeHead(status, etag === undefined ? {} : { etag });
  response.end(json === undefined ? "" : JSON.stringify(json));
}
