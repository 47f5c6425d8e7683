import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";

/** Room for `.incomplete` and a lock's ending in the 255 bytes of a file name. */
const longestEtag = 200;

/**
 * The ETag of an answer as a file name: without quotes and the mark of weak ones. The hub's own are
 * hashes; a mirror's may be other words. @returns undefined if there is none.
 * @throws ClipError "bad-data" for one that is no plain name: it could lead out of the cache.
 */
export function etagOf(header: string | null, url: string): string | undefined {
  if (header === null) return undefined;
  const [, quoted, bare = ""] = /^(?:W\/)?(?:"([^"]*)"|([^"]*))$/u.exec(header.trim()) ?? [];
  const etag = quoted ?? bare;
  const isName = /^[\w-][\w.-]*$/u.test(etag) && etag.length <= longestEtag;
  if (isName && !/\.(incomplete|lock)$/u.test(etag)) return etag;
  const seen = JSON.stringify(header.length > 60 ? `${header.slice(0, 60)}…` : header);
  throw new ClipError("bad-data", `${url}: its ETag ${seen} cannot be a file's name.`, {
    data: { url },
  });
}

/**
 * A file's name in a repository, once it is certain that it stays in the folder it is joined to, on
 * any system (huggingface_hub's rule: no `..`, no absolute path, no drive).
 * @throws ClipError "bad-data" for one that may not.
 */
export function safeName(name: unknown, repository: string): string {
  if (typeof name === "string" && name !== "" && !name.includes("\0")) {
    const parts = name.split("/");
    const isPlain = (part: string): boolean =>
      part !== "" && part !== "." && part !== ".." && !part.includes("\\") && !/^[a-z]:/iu.test(part);
    if (parts.every(isPlain)) return name;
  }
  const seen = JSON.stringify(name)?.slice(0, 80);
  throw new ClipError(
    "bad-data",
    `${repository} names a file ${seen}, which would lie outside its folder: not fetched.`,
    { data: { repository } },
  );
}

/** How often and how long the hub is asked again after an answer or a connection that failed. */
export interface RetryPolicy {
  /** Times that it is asked again without anything having come of it. */
  readonly retries: number;
  /** Milliseconds before the first of them; each time twice as long, and half of it by chance. */
  readonly firstWait: number;
  /** Milliseconds that such a wait grows to. */
  readonly longestWait: number;
  /** Milliseconds waited in all for one request; a hub that asks for more is not waited for. */
  readonly patience: number;
}

/** How the hub is reached and where its files are kept. */
export interface HubSettings {
  /** Without a slash at its end. The token goes to this origin only. */
  readonly endpoint: string;
  /** Folder of the cache that Hugging Face's own tools share. */
  readonly cache: string;
  readonly token?: string;
  /** Nothing is asked of the network. */
  readonly isOffline: boolean;
  /** Milliseconds without a byte after which a connection counts as dead; 60,000 if absent. */
  readonly timeout?: number;
  /** {@link defaultRetries} if absent. */
  readonly retry?: RetryPolicy;
  /** Hears in a line why the hub is asked again, or what is done in its place. */
  readonly onNotice?: (message: string) => void;
  /** Ends what is under way, with its reason; what arrived of a file is kept. */
  readonly signal?: AbortSignal;
}

/** As `huggingface_hub` asks again: five times, after 1, 2, 4, 8 and 8 seconds at most. */
export const defaultRetries: RetryPolicy = {
  retries: 5,
  firstWait: 1000,
  longestWait: 8000,
  patience: 300_000,
};

/** Milliseconds without a byte after which a connection counts as dead. */
export const defaultTimeout = 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

const isOn = (value: string | undefined): boolean => /^(1|on|yes|true)$/iu.test(value ?? "");

/** The first that is set to something. */
function pick(environment: Environment, ...names: readonly string[]): string | undefined {
  return names.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
}

/** A path with a leading `~` and variables such as `$HOME` replaced, as Hugging Face's own tools do. */
function expand(path: string, environment: Environment): string {
  return path
    .replace(/^~(?=$|[/\\])/u, homedir())
    .replaceAll(/\$\{(\w+)\}|\$(\w+)/gu, (whole, braced?: string, bare?: string) => {
      return environment[braced ?? bare ?? ""] ?? whole;
    });
}

const clean = (token: string): string => token.replaceAll(/[\r\n]/gu, "").trim();

/** The token of the environment, or the one that signing in left, unless that is turned off. */
function findToken(environment: Environment, home: string): string | undefined {
  const given = pick(environment, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
  if (given !== undefined) return clean(given);
  if (isOn(environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"])) return undefined;
  const path = expand(pick(environment, "HF_TOKEN_PATH") ?? join(home, "token"), environment);
  return existsSync(path) ? clean(readFileSync(path, "utf8")) : undefined;
}

function readTimeout(environment: Environment): number | undefined {
  const given = pick(environment, "HF_HUB_DOWNLOAD_TIMEOUT");
  if (given === undefined) return undefined;
  const seconds = Number(given);
  if (seconds > 0 && seconds <= 86_400) return seconds * 1000;
  throw new ClipError(
    "bad-argument",
    `HF_HUB_DOWNLOAD_TIMEOUT is ${given}: expected seconds, such as 60 (at most 86400).`,
    { data: { HF_HUB_DOWNLOAD_TIMEOUT: given } },
  );
}

/**
 * Settings from the environment variables that Hugging Face's own tools read: HF_ENDPOINT, HF_HOME,
 * HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN,
 * HF_HUB_DOWNLOAD_TIMEOUT (seconds without a byte), and the older names of these.
 * @throws ClipError "bad-argument" for a time that is none.
 */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const usualHome = join(pick(environment, "XDG_CACHE_HOME") ?? join(homedir(), ".cache"));
  const home = expand(pick(environment, "HF_HOME") ?? join(usualHome, "huggingface"), environment);
  const token = findToken(environment, home);
  const timeout = readTimeout(environment);
  const cache = pick(environment, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub");
  return {
    endpoint: (pick(environment, "HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/u, ""),
    cache: expand(cache, environment),
    isOffline: isOn(pick(environment, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
    ...(timeout === undefined ? {} : { timeout }),
    ...(token === undefined || token === "" ? {} : { token }),
  };
}

/** What looks like `owner/name` or `owner/name@revision`, such as `openai/clip-vit-base-patch32`. */
const bareName = /^[\w-][\w.-]*\/[\w-][\w.-]*(?:@[\w./-]+)?$/u;

/** ' Did you mean hf:…?' for a repository's name of which not even the owner is a folder here, else nothing. */
export function didYouMeanHub(model: string): string {
  const [owner = ""] = model.split("/");
  return bareName.test(model) && !existsSync(owner) ? ` Did you mean hf:${model}?` : "";
}
