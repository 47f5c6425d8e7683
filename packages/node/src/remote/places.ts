import { ClipError } from "@clip-ts/base";

/** What reads a place. */
export type PlaceKind = "local" | "http" | "hf" | "s3";

/** A place as messages show it: without user, password, and what follows "?", which may grant a right. */
export function shownPlace(place: string): string {
  return place.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#]*@/iu, "$1").replace(/^(https?:\/\/[^?#]*)[?#].*$/iu, "$1");
}

/** Parts of a query that sign an address, and change whenever it is signed anew: of AWS, Google, CloudFront, Azure. */
const signing =
  /^(x-(amz|goog)-.*|signature|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid|sig|s[eprtv]|spr|sk(oid|tid|[tesv]))$/iu;

/** What a cache knows a file by: its place without who asks for it. */
export function nameOf(place: string): string {
  if (!/^https?:/iu.test(place) || !URL.canParse(place)) return place;
  const url = new URL(place);
  [url.username, url.password, url.hash] = ["", "", ""];
  const lasting = Array.from(url.searchParams).filter(([key]) => !signing.test(key));
  url.search = new URLSearchParams(lasting).toString();
  return url.href;
}

const refuse = (place: string, what: string): ClipError => {
  const shown = shownPlace(place);
  return new ClipError("unsupported", `${shown}: ${what}`, { data: { place: shown } });
};

/** What to write in the place of a webdataset line that runs a program. */
function insteadOfPipe(place: string): string {
  const address = /\b(?:s3|https?|gs):\/\/[^\s'"]+/u.exec(place)?.[0];
  const form = address === undefined ? "the path, or the http(s):// or s3:// address, by itself" : inOwnWords(address);
  return `programs are not run to read data. Write ${form}: clip-ts fetches it itself, and goes on where a connection breaks.`;
}

function inOwnWords(address: string): string {
  return shownPlace(address.startsWith("gs://") ? googleAddress(address) : address);
}

const googleAddress = (place: string): string => place.replace(/^gs:\/\//u, "https://storage.googleapis.com/");

const kinds: Readonly<Record<string, PlaceKind>> = {
  file: "local",
  hf: "hf",
  http: "http",
  https: "http",
  s3: "s3",
};

/**
 * Which kind of place this is, by its scheme.
 * @throws ClipError "unsupported" for `pipe:`, `gs://` and other schemes, with what to write instead.
 */
export function kindOf(place: string): PlaceKind {
  if (/^pipe:/iu.test(place)) throw refuse(place.replace(/\s.*$/su, " …"), insteadOfPipe(place));
  const scheme = /^([a-z][a-z\d+.-]+):\/\//iu.exec(place)?.[1]?.toLowerCase();
  const kind = scheme === undefined ? "local" : kinds[scheme];
  if (kind !== undefined) return kind;
  if (scheme === "gs") {
    const advice =
      `write ${googleAddress(place)} for a public bucket, or s3:// with the endpoint ` +
      "https://storage.googleapis.com and an HMAC key of the bucket's project.";
    throw refuse(place, `Google's own protocol is not spoken; ${advice}`);
  }
  throw refuse(place, "expected a path, or an address that begins with http://, https://, s3:// or hf://.");
}

/** A bucket and a key in it, or the beginning of keys. */
export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** Reads `s3://bucket/key`; the key is taken as it stands. @throws ClipError "bad-argument". */
export function parseS3(place: string): S3Place {
  const [, bucket, key] = /^s3:\/\/([^/@\s]+)\/(.*)$/su.exec(place) ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  const shown = shownPlace(place);
  throw new ClipError("bad-argument", `${shown}: expected s3://bucket/key.`, { data: { place: shown } });
}

/**
 * The address of a file of the hub: `hf://datasets/owner/name@revision/path`, the revision "main" if absent; without
 * `datasets/` a model's. @throws ClipError "bad-argument".
 */
export function hubAddress(place: string, endpoint: string): string {
  const parts = /^hf:\/\/(datasets\/)?([\w.-]+\/[\w.-]+)(?:@([\w.-]+))?\/(.+)$/u.exec(place);
  if (parts === null) {
    throw new ClipError("bad-argument", `${place}: expected hf://datasets/owner/name/path or …/name@revision/path.`, {
      data: { place },
    });
  }
  const [, kind = "", repository, revision = "main", path = ""] = parts;
  return `${endpoint}/${kind}${repository}/resolve/${revision}/${path.split("/").map(encodeURIComponent).join("/")}`;
}
