import { ClipError } from "@clip-ts/base";

/** Whether a place is an address (`https://`, `s3://`) and no path. */
export function isAddress(place: string): boolean {
  return /^[a-z][\w+.-]*:\/\//i.test(place);
}

/** The folder of a place, with its last separator; "" for a name alone. */
export function folderPart(place: string): string {
  const path = isAddress(place) ? (/^[^?#]*/.exec(place)?.[0] ?? "") : place;
  const separators = process.platform === "win32" && !isAddress(place) ? /^.*[/\\]/s : /^.*\//s;
  return separators.exec(path)?.[0] ?? "";
}

/** The last name of a place, without the query of an address. */
export function namePart(place: string): string {
  const name = place.slice(folderPart(place).length);
  return isAddress(place) ? name.replace(/[?#].*$/s, "") : name;
}

/** Another file beside one: in its folder, unless it says itself where it lies. */
export function besidePlace(place: string, name: string): string {
  const isWhole = isAddress(name) || /^(?:[/\\]|[A-Za-z]:[/\\])/.test(name);
  return isWhole ? name : folderPart(place) + name;
}

/** A command of webdataset's, which is not run: the address in it says where the shards lie. */
function refusePipe(pattern: string): ClipError {
  const address = /(?:s3|gs|https?):\/\/\S+/.exec(pattern)?.[0].replace(/['"]$/, "");
  const plain = address?.replace(/^gs:\/\//, "https://storage.googleapis.com/");
  const remedy = plain === undefined ? "give a path, or an address (https://, s3://)" : `write ${plain}`;
  return new ClipError("bad-config", `${pattern}: commands (pipe:) are not run; ${remedy}`, { data: { pattern } });
}

/**
 * The patterns in a string as open_clip writes them, joined by `::`.
 * @throws ClipError "bad-config" for `pipe:`, with the address to write instead.
 */
export function splitPatterns(joined: string): string[] {
  const patterns = joined.split("::").filter((pattern) => pattern !== "");
  for (const pattern of patterns) if (pattern.startsWith("pipe:")) throw refusePipe(pattern);
  return patterns;
}
