import { homedir } from "node:os";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import type { RetryPolicy } from "@clip-ts/hub";

/** How an object store is reached; what is absent is found as AWS's own tools find it. */
export interface S3Options {
  /** Address of a store that speaks S3 (MinIO, R2, Ceph); AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL if absent. */
  readonly endpoint?: string;
  /** AWS_REGION, AWS_DEFAULT_REGION or the profile's if absent; "us-east-1" where an endpoint is given. */
  readonly region?: string;
  /** Buckets in the path of addresses, not in their host; if absent, where an endpoint is given. */
  readonly forcePathStyle?: boolean;
  /** Nothing is signed and no credentials are looked for: for public buckets. */
  readonly unsigned?: boolean;
  /** The chain of credentials of the AWS SDK if absent. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}

/**
 * How files elsewhere are fetched and kept. Node 20's fetch knows nothing of HTTP_PROXY and HTTPS_PROXY, nor does
 * the S3 client: behind a proxy that must be used, http(s):// works on Node 24 with NODE_USE_ENV_PROXY=1.
 */
export interface RemoteOptions {
  /** Where copies are kept, for several processes at once; `clip-ts/shards` in XDG_CACHE_HOME or ~/.cache if absent. */
  readonly cacheFolder?: string;
  /**
   * Bytes that the cache may take; what was used longest ago goes first, what is held never. If absent 50 GiB, or
   * 80 % of what the disk has for it (its free bytes and what the cache takes already) where that is less.
   */
  readonly cacheBytes?: number;
  readonly s3?: S3Options;
  /** Headers that go to servers, by origin ("https://example.org"), and not where these redirect to. */
  readonly headers?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Milliseconds in which nothing comes, or next to nothing, after which a connection is given up; 60,000. */
  readonly timeout?: number;
  /** Four times again (five tries in all), after 1, 2, 4 and 8 s and half of that by chance. */
  readonly retry?: RetryPolicy;
  /** Hears in a line why something is asked again or waited for. */
  readonly onNotice?: (message: string) => void;
}

/** What was asked and fetched so far. */
export interface RemoteCounts {
  /** Requests that were sent, other than what redirects led to. */
  tries: number;
  /** Of these, those that repeat one that failed. */
  again: number;
  /** Shards that were fetched whole. */
  fetched: number;
  /** Bytes that came of shards, also of those that had to be fetched again. */
  bytes: number;
  /** Shards that were in the cache already, or that another process brought there. */
  found: number;
  /** Shards that were dropped to make room. */
  dropped: number;
}

/** The options with what is usual filled in, and what all parts of a store share. */
export interface RemoteSettings extends RemoteOptions {
  readonly cacheFolder: string;
  readonly timeout: number;
  readonly retry: RetryPolicy;
  readonly counts: RemoteCounts;
  /** Ends all that is under way. */
  readonly signal: AbortSignal;
}

const usualRetries: RetryPolicy = { retries: 4, firstWait: 1000, longestWait: 30_000, patience: 300_000 };

/** Something of clip-ts in the user's cache. */
export function cachePlace(name: string): string {
  const given = process.env["XDG_CACHE_HOME"];
  return join(given === undefined || given === "" ? join(homedir(), ".cache") : given, "clip-ts", name);
}

export function defaultCacheFolder(): string {
  return cachePlace("shards");
}

/** Fills in what is usual. @throws ClipError "bad-argument" for a limit or a time that is none. */
export function remoteSettings(options: RemoteOptions, signal: AbortSignal): RemoteSettings {
  const { cacheFolder = defaultCacheFolder(), timeout = 60_000, retry = usualRetries } = options;
  for (const [name, value] of Object.entries({ cacheBytes: options.cacheBytes ?? 1, timeout })) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new ClipError("bad-argument", `${name} is ${value}: expected a number above 0.`, { data: { [name]: value } });
  }
  const counts: RemoteCounts = { tries: 0, again: 0, fetched: 0, bytes: 0, found: 0, dropped: 0 };
  return { ...options, cacheFolder, timeout, retry, counts, signal };
}
