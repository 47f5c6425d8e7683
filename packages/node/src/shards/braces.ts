import { ClipError } from "@clip-ts/base";

/** No set has more files. */
const mostPlaces = 2 ** 20;

function tooMany(): ClipError {
  return new ClipError("bad-config", `a pattern with braces stands for more than ${mostPlaces} files`);
}

/** Whole numbers from one to another, both included, in steps of at least 1, up or down. */
function steps(first: number, last: number, step: number): number[] {
  const count = Math.floor(Math.abs(last - first) / step) + 1;
  if (count > mostPlaces) throw tooMany();
  return Array.from({ length: count }, (_, at) => first + Math.sign(last - first) * at * step);
}

function padded(value: number, width: number): string {
  const digits = String(Math.abs(value)).padStart(value < 0 ? width - 1 : width, "0");
  return value < 0 ? `-${digits}` : digits;
}

/** `{000..012}` and `{a..c}`, counted up or down, in steps; undefined for what is no range. */
function range(text: string): string[] | undefined {
  const [, from = "", to = "", by = "1"] = /^([^.]+)\.\.([^.]+?)(?:\.\.(-?\d+))?$/.exec(text) ?? [];
  const step = Math.max(1, Math.abs(Number(by)));
  if (/^[A-Za-z]$/.test(from) && /^[A-Za-z]$/.test(to)) {
    return steps(from.charCodeAt(0), to.charCodeAt(0), step).map((code) => String.fromCharCode(code));
  }
  if (!/^-?\d+$/.test(from) || !/^-?\d+$/.test(to)) return undefined;
  const isPadded = [from, to].some((bound) => /^-?0\d/.test(bound));
  const width = isPadded ? Math.max(from.length, to.length) : 0;
  return steps(Number(from), Number(to), step).map((value) => padded(value, width));
}

/** Cuts at commas outside inner braces. */
function alternatives(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
    depth += Number(character === "{") - Number(character === "}");
  }
  return parts;
}

/** Where the brace that opens at `start` closes; -1 if it does not. */
function closing(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    depth += Number(text[at] === "{") - Number(text[at] === "}");
    if (depth === 0) return at;
  }
  return -1;
}

/**
 * What braces stand for, as in bash and Python's braceexpand: `{00000..00999}` with its zeros, `{a,b}`, one in the
 * other. Braces that are neither stay as they are.
 * @throws ClipError "bad-config" for more than a million files.
 */
export function expandBraces(pattern: string): string[] {
  for (let open = pattern.indexOf("{"); open !== -1; open = pattern.indexOf("{", open + 1)) {
    const close = closing(pattern, open);
    if (close === -1) break;
    const inner = pattern.slice(open + 1, close);
    const parts = alternatives(inner);
    const values = range(inner) ?? (parts.length > 1 ? parts.flatMap(expandBraces) : undefined);
    if (values === undefined) continue;
    const rests = expandBraces(pattern.slice(close + 1));
    if (values.length * rests.length > mostPlaces) throw tooMany();
    return values.flatMap((value) => rests.map((rest) => pattern.slice(0, open) + value + rest));
  }
  return [pattern];
}
