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
      part !== "" &&
      part !== "." &&
      part !== ".." &&
      !part.includes("\\") &&
      !/^[a-z]:/iu.test(part);
    if (parts.every(isPlain)) return name;
  }
  const seen = JSON.stringify(name)?.slice(0, 80);
  throw new ClipError(
    "bad-data",
    `${repository} names a file ${seen}, which would lie outside its folder: not fetched.`,
    { data: { repository } },
  );
}
