import type { Checksum, Rest } from "./remote-source.ts";

/** What tells a file from later ones of its name: its ETag, else when it was changed. */
export function versionIn(headers: Headers): string | undefined {
  return headers.get("etag")?.trim() ?? headers.get("last-modified")?.trim();
}

/** What If-Range may name (RFC 9110, 13.1.5): a strong ETag, or the time of change where there is none. */
export function validatorIn(headers: Headers): string | undefined {
  const version = versionIn(headers);
  return version?.startsWith("W/") === true ? undefined : version;
}

/** The range that an answer says it is: its first byte and the file's length, where these are told. */
export function rangeIn(headers: Headers): { readonly start?: number; readonly total?: number } | undefined {
  const parts = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/u.exec(headers.get("content-range")?.trim() ?? "");
  if (parts === null) return undefined;
  const [, start, total] = parts;
  return {
    ...(start !== undefined && { start: Number(start) }),
    ...(total !== "*" && { total: Number(total) }),
  };
}

/** Whether an answer is the rest that was asked for: from this byte on, and of a file of this length. */
export function continues(headers: Headers, { facts, from }: Rest): boolean {
  const range = rangeIn(headers);
  return from > 0 && range?.start === from && (range.total ?? facts.bytes) === facts.bytes;
}

const inHexadecimal = (base64: string): string => Buffer.from(base64, "base64").toString("hex");

/** Headers that tell a sum of the whole file, and what in them is it, strongest first. */
const sums: readonly (readonly [header: string, pattern: RegExp, algorithm: Checksum["algorithm"]])[] = [
  ["repr-digest", /sha-256=:([\w+/]+=*):/iu, "sha256"], // RFC 9530
  ["digest", /sha-256=([\w+/]+=*)/iu, "sha256"], // RFC 3230
  ["x-amz-checksum-sha256", /^([\w+/]+=*)$/u, "sha256"],
  ["content-md5", /^([\w+/]+=*)$/u, "md5"],
  ["x-goog-hash", /\bmd5=([\w+/]+=*)/u, "md5"],
];

const lengths: Readonly<Record<Checksum["algorithm"], number>> = { crc32: 8, md5: 32, sha256: 64 };

/** A sum in Base64; undefined for what has not its length, such as S3's sums of parts' sums. */
export function checksumOf(algorithm: Checksum["algorithm"], base64: string | undefined): Checksum | undefined {
  const value = inHexadecimal(base64 ?? "");
  return value.length === lengths[algorithm] && !/-\d+$/u.test(base64 ?? "") ? { algorithm, value } : undefined;
}

/** The checksum of the whole file that an answer's head tells; Content-MD5 is that of the answer's own bytes. */
export function checksumIn(headers: Headers, isPart: boolean): Checksum | undefined {
  for (const [header, pattern, algorithm] of sums) {
    if (isPart && header === "content-md5") continue;
    const found = checksumOf(algorithm, pattern.exec(headers.get(header)?.trim() ?? "")?.[1]);
    if (found !== undefined) return found;
  }
  return undefined;
}
