import { readFile } from "node:fs/promises";
import { ClipError, shown } from "@clip-ts/base";
import { parseDocument, stringify, type YAMLError } from "yaml";
import { z } from "zod";
import { suggestion } from "../cli/text.ts";
import { configSchema, type RunConfig } from "./schema.ts";
import type { SourceDefinitions } from "./sources.ts";

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
  return fail(label, `${place}${said}. To mend it, ${remedies[code] ?? "correct that line"}.`, error);
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

/** A schema as JSON Schema writes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

type Path = readonly PropertyKey[];

const alternatives = ["anyOf", "oneOf", "allOf"] as const;

/** A schema and what it may be instead, as deep as that goes. */
function optionsOf(schema: JsonSchema): JsonSchema[] {
  const nested = alternatives.flatMap((key) => (schema[key] as JsonSchema[] | undefined) ?? []);
  return [schema, ...nested.flatMap(optionsOf)];
}

const propertiesOf = (schema: JsonSchema): Readonly<Record<string, JsonSchema>> =>
  (schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;

/** The objects that may stand at a path, over all alternatives. */
function objectsAt(schema: JsonSchema, [head, ...rest]: Path): JsonSchema[] {
  const options = optionsOf(schema);
  if (head === undefined) return options.filter((option) => "properties" in option);
  return options.flatMap((option) => {
    const child = propertiesOf(option)[String(head)] ?? (option["items"] as JsonSchema | undefined);
    return child === undefined ? [] : objectsAt(child, rest);
  });
}

const keysAt = (schema: JsonSchema, path: Path): string[] =>
  objectsAt(schema, path).flatMap((object) => Object.keys(propertiesOf(object)));

const join = (path: Path, key: string): string => [...path, key].map(String).join(".");

/** The kinds of a union that have a key which the one that was chosen has not. */
function kindsWith(schema: JsonSchema, path: Path, key: string): string[] {
  const members = objectsAt(schema, path).map(propertiesOf);
  const kinds = members.filter((member) => key in member).map((member) => member["kind"]?.["const"]);
  return kinds.filter((kind) => typeof kind === "string");
}

/** The nearest place further out that has a setting of this name. */
function placeOutside(schema: JsonSchema, path: Path, key: string): string | undefined {
  const places = path.map((_, depth) => path.slice(0, depth)).toReversed();
  const place = places.find((outer) => keysAt(schema, outer).includes(key));
  return place === undefined ? undefined : join(place, key);
}

/**
 * Says of a key that is no setting where it would be one: with another kind, further out, or under
 * another spelling.
 */
function explainKey(schema: JsonSchema, path: Path, key: string): string {
  const full = join(path, key);
  const kinds = kindsWith(schema, path, key);
  if (kinds.length > 0) {
    const list = kinds.map((kind) => `"${kind}"`).join(" or ");
    return `"${full}" goes with kind ${list} only: remove it, or change "${join(path, "kind")}".`;
  }
  const outside = placeOutside(schema, path, key);
  if (outside !== undefined) return `"${full}" is not a setting: "${outside}" is.`;
  return `"${full}" is not a setting.${suggestion(key, [...new Set(keysAt(schema, path))])}`;
}

/** A run's settings as its `config.yaml` holds them: plain data with all defaults filled in. */
export type Settings = Readonly<Record<string, unknown>>;

function describe(issue: z.core.$ZodIssue, schema: JsonSchema): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => explainKey(schema, issue.path, key)).join("\n  ");
  }
  const where = issue.path.join(".");
  return `${where === "" ? "the config" : `"${where}"`}: ${issue.message}`;
}

/**
 * Checks plain data against the schema, with the sources that a program adds.
 * @throws ClipError "bad-config" listing every fault.
 */
export function parseConfig(data: unknown, label: string, added: SourceDefinitions = {}): RunConfig {
  const wanted = configSchema(added);
  const result = wanted.safeParse(data);
  if (result.success) return result.data;
  const schema = z.toJSONSchema(wanted, { io: "input" }) as JsonSchema;
  const faults = result.error.issues.map((issue) => `\n  ${describe(issue, schema)}`).join("");
  throw new ClipError("bad-config", `${label} is not a valid training config:${faults}`, {
    data: { issues: result.error.issues },
  });
}

/** Writes "a.b=value" into the data; the value is read as YAML. */
function applySetting(data: Record<string, unknown>, setting: string): void {
  const equals = setting.indexOf("=");
  if (equals < 1) {
    throw new ClipError("bad-config", `--set ${setting}: expected KEY=VALUE, such as steps=100.`);
  }
  const keys = setting.slice(0, equals).split(".");
  const last = keys.pop() as string;
  let target = data;
  for (const key of keys) {
    const child = Object.hasOwn(target, key) ? target[key] : undefined;
    const next = typeof child === "object" && child !== null ? child : {};
    Object.defineProperty(target, key, {
      value: next,
      enumerable: true,
      writable: true,
      configurable: true,
    });
    target = next as Record<string, unknown>;
  }
  target[last] = parseYaml(setting.slice(equals + 1), `--set ${setting}`);
}

/** Reads a run's `config.yaml`. @throws ClipError that names the file. */
export function readConfigFile(path: string, added: SourceDefinitions): Promise<RunConfig> {
  return loadConfig(path, [], added);
}

/** Reads a YAML config, applies `--set` overrides, settles what `settle` does and fills in defaults. */
export async function loadConfig(
  path: string,
  settings: readonly string[],
  added: SourceDefinitions = {},
  settle: (data: Settings, label: string) => Promise<Settings> = (data) => Promise.resolve(data),
): Promise<RunConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new ClipError("not-found", `There is no config file ${path}.`, { cause });
  });
  const data = parseSettings(text, path);
  for (const setting of settings) applySetting(data, setting);
  return parseConfig(await settle(data, path), path, added);
}

/** Settings as YAML, to store beside the run. */
export function formatConfig(settings: Settings): string {
  return stringify(settings);
}
