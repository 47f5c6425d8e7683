import { ClipError } from "./errors.ts";

/** Far deeper than any file of a model; parsing takes the longer the deeper the text nests. */
const deepest = 128;

const quote = 0x22;
const backslash = 0x5c;

/** [ or {. */
const isOpening = (code: number): boolean => code === 0x5b || code === 0x7b;
const isClosing = (code: number): boolean => code === 0x5d || code === 0x7d;

/** Where the text that starts at a quote ends. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) {
    at += text.charCodeAt(at) === backslash ? 2 : 1;
  }
  return at;
}

function assertShallow(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (isClosing(code)) depth -= 1;
    else if (isOpening(code)) {
      depth += 1;
      if (depth > deepest) throw new SyntaxError(`it nests deeper than ${deepest} levels`);
    }
  }
}

/**
 * `JSON.parse` for text that anybody may have written: nesting without end, which takes seconds to parse and
 * overflows the stack of what walks it, is an error at once.
 * @throws SyntaxError for text that is no JSON, or nests deeper than 128 levels.
 */
export function parseJson(text: string): unknown {
  assertShallow(text);
  return JSON.parse(text) as unknown;
}

/**
 * The same for the content of a file, a byte order mark or none before it.
 * @throws ClipError "bad-data" that names the file.
 */
export function parseJsonFile(text: string, path: string): unknown {
  try {
    return parseJson(text.replace(/^\uFEFF/u, ""));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError("bad-data", `${path} is not valid JSON: ${reason}`, {
      data: { path },
      cause,
    });
  }
}
