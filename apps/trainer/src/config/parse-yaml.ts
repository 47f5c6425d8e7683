import { ClipError, shown } from "@clip-ts/base";
import { parseDocument, type YAMLError } from "yaml";

/** What to do about the faults that people meet most, by the parser's codes. */
const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  DUPLICATE_KEY: "keep one of the two",
  BAD_INDENT: "close what is open, and indent what belongs together alike",
  MULTIPLE_DOCS: "keep what stands before ---",
  TAG_RESOLVE_FAILED: "remove the tag: settings are plain text, numbers, lists and maps",
  NON_STRING_KEY: "name each setting with a word",
  BAD_DIRECTIVE: "remove the line that starts with %",
  RESOURCE_EXHAUSTION: "settings nest a few levels deep",
};

function fail(label: string, message: string, cause?: unknown): never {
  throw new ClipError("bad-config", `${label} is not valid YAML: ${message}`, {
    data: { label },
    cause,
  });
}

/** A fault of the parser's, with its place and what to do. */
function failAt(label: string, error: YAMLError): never {
  const { linePos, code, message } = error;
  const [start] = linePos ?? [];
  const place = start === undefined ? "" : `line ${start.line}, column ${start.col}: `;
  const [reason = ""] = message.split("\n");
  const said = reason.replace(/ at line \d+, column \d+:?$/u, "");
  return fail(
    label,
    `${place}${said}. To mend it, ${remedies[code] ?? "correct that line"}.`,
    error,
  );
}

/** Refuses an anchor that contains itself, of which no value can be made. */
function assertEnds(data: unknown, label: string): void {
  try {
    JSON.stringify(data);
  } catch (cause) {
    fail(label, "an anchor (&name) contains its own alias (*name). Write the value out.", cause);
  }
}

/**
 * Plain data from YAML. What YAML has beyond plain data (tags, several documents, keys that are no words, aliases
 * that multiply or contain themselves) is refused, as are its faults.
 * @throws ClipError "bad-config" with line, column and what to do; `label` names the text.
 */
export function parseYaml(text: string, label: string): unknown {
  const document = parseDocument(text, { stringKeys: true });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) return failAt(label, fault);
  let data: unknown;
  try {
    data = document.toJS();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    fail(label, `${reason.replace(/\.$/u, "")}. Write the value out instead of *name.`, cause);
  }
  assertEnds(data, label);
  return data;
}

/** The settings of a file. @throws ClipError "bad-config" for anything but settings by name. */
export function parseSettings(text: string, label: string): Record<string, unknown> {
  const data = parseYaml(text, label) ?? {};
  if (typeof data === "object" && !Array.isArray(data)) return data as Record<string, unknown>;
  throw new ClipError(
    "bad-config",
    `${label} should hold settings, a line each such as "steps: 100"; it holds ${shown(data)}.`,
    { data: { label } },
  );
}
