import type { Readable } from "node:stream";
import { odd } from "@clip-ts/hub";
import { askS3, piecesOf, type Connection } from "./ask-s3.ts";
import { checksumOf, continues } from "./http-headers.ts";
import { listS3 } from "./list-s3.ts";
import { parseS3, shownPlace } from "./places.ts";
import type { RemoteSettings } from "./remote-options.ts";
import {
  hasChanged,
  mustStartOver,
  type Checksum,
  type RemoteBody,
  type RemoteFacts,
  type RemoteSource,
  type Rest,
} from "./remote-source.ts";
import { isAmazon, loadSdk, makeClient } from "./s3-client.ts";
import { statusIn } from "./s3-errors.ts";

/** What a store tells of an object. */
interface Head {
  readonly ETag?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ChecksumSHA256?: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
  readonly ChecksumType?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
}

/** An object that is sent, or a part of it. */
type Given = Pick<Head, "ETag" | "ContentLength"> & { readonly ContentRange?: string | undefined };

interface Context {
  readonly place: string;
  readonly settings: RemoteSettings;
  readonly rest: Rest | undefined;
}

/** The sum of the whole object. An ETag is its MD5 at AWS itself, unless encrypted by keys of one's own or in parts. */
function checksumIn(head: Head, isMd5: boolean): Checksum | undefined {
  const isWhole = head.ChecksumType !== "COMPOSITE";
  const told = checksumOf("sha256", head.ChecksumSHA256) ?? checksumOf("crc32", head.ChecksumCRC32);
  if (isWhole && told !== undefined) return told;
  const etag = head.ETag?.replaceAll('"', "") ?? "";
  const plain = head.ServerSideEncryption === undefined || head.ServerSideEncryption === "AES256";
  return isMd5 && plain && /^[\da-f]{32}$/u.test(etag) ? { algorithm: "md5", value: etag } : undefined;
}

async function facts(place: string, connection: Connection): Promise<RemoteFacts | undefined> {
  const { sdk, client, settings } = connection;
  const { bucket, key } = parseS3(place);
  const input = { Bucket: bucket, Key: key, ChecksumMode: "ENABLED" } as const;
  const head = await askS3(place, connection, (abortSignal) => {
    const sent = client.send(new sdk.HeadObjectCommand(input), { abortSignal });
    return sent.catch((error: unknown) => absence(place, error));
  });
  if (head === undefined) return undefined;
  const { ETag: etag, ContentLength: bytes } = head;
  if (bytes === undefined) throw odd(shownPlace(place), "is given without a length.");
  const isMd5 = isAmazon(settings) && !bucket.endsWith("--x-s3"); // directory buckets make ETags by chance
  const version = etag ?? head.LastModified?.toISOString() ?? `${bytes} bytes`;
  return { bytes, version, validator: etag, checksum: checksumIn(head, isMd5) };
}

/** Where an answer begins. @throws ClipError where it is not what was asked for. */
function startOf({ ContentLength: length, ContentRange: told }: Given, place: string, rest: Rest): number {
  const { bytes } = rest.facts;
  if (told === undefined) {
    if ((length ?? bytes) === bytes) return 0;
    throw odd(shownPlace(place), `is sent as ${length} bytes where the store said ${bytes}.`);
  }
  if (continues(new Headers({ "content-range": told }), rest)) return rest.from;
  throw mustStartOver(place, `is sent as ${told} where bytes from ${rest.from} on were asked for.`);
}

function bodyOf(given: Given, body: Readable, context: Context): RemoteBody {
  const { place, settings, rest } = context;
  body.on("error", () => undefined); // one that comes before anybody reads must not end the process
  const discard = (): void => void body.destroy();
  const chunks = (): AsyncIterable<Uint8Array> => piecesOf(body, place, settings);
  if (rest === undefined) return { start: 0, bytes: given.ContentLength, chunks, discard };
  try {
    const { validator, version, bytes } = rest.facts;
    if (validator !== undefined && (given.ETag ?? version) !== version) throw hasChanged(place);
    return { start: startOf(given, place, rest), bytes, chunks, discard };
  } catch (error) {
    discard();
    throw error;
  }
}

/** What statuses mean of a file that is asked for; undefined that there is none. */
function absence(place: string, error: unknown): undefined {
  const status = statusIn(error);
  if (status === 404) return undefined;
  if (status === 412) throw hasChanged(place);
  if (status === 416) throw mustStartOver(place, "has no bytes where the rest was asked for.");
  throw error;
}

async function open(place: string, connection: Connection, rest: Rest | undefined): Promise<RemoteBody | undefined> {
  const { sdk, client, settings } = connection;
  const { bucket, key } = parseS3(place);
  const { facts, from = 0 } = rest ?? {};
  const range = from > 0 ? `bytes=${from}-` : undefined;
  const wanted = { Bucket: bucket, Key: key, Range: range, IfMatch: facts?.validator };
  const answer = await askS3(place, connection, (abortSignal) => {
    const sent = client.send(new sdk.GetObjectCommand(wanted), { abortSignal });
    return sent.catch((error: unknown) => absence(place, error));
  });
  return answer && bodyOf(answer, answer.Body as Readable, { place, settings, rest });
}

/** Objects in stores that speak S3; the SDK is loaded when the first is asked for. */
export function s3Source(settings: RemoteSettings): RemoteSource {
  let connection: Promise<Connection> | undefined;
  const connect = async (): Promise<Connection> => {
    const sdk = await loadSdk();
    return { sdk, client: makeClient(sdk, settings), settings };
  };
  const connected = (): Promise<Connection> => (connection ??= connect());
  return {
    facts: async (place) => facts(place, await connected()),
    open: async (place, rest) => open(place, await connected(), rest),
    list: async (folder) => listS3(folder, await connected()),
    close: () => void connection?.then(({ client }) => client.destroy()).catch(() => undefined),
  };
}
