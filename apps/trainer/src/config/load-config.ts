import { readFile } from "node:fs/promises";
import { ClipError } from "@clip-ts/base";
import { stringify } from "yaml";
import { z } from "zod";
import { explainKey, type JsonSchema } from "./explain-key.ts";
import { parseSettings, parseYaml } from "./parse-yaml.ts";
import { configSchema, type RunConfig } from "./schema.ts";

/** A run's settings as its `config.yaml` holds them: plain data with all defaults filled in. */
export type Settings = Readonly<Record<string, unknown>>;

function describe(issue: z.core.$ZodIssue, schema: JsonSchema): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => explainKey(schema, issue.path, key)).join("\n  ");
  }
  const where = issue.path.join(".");
  return `${where === "" ? "the config" : `"${where}"`}: ${issue.message}`;
}

/** Checks plain data against the schema. @throws ClipError "bad-config" listing every fault. */
export function parseConfig(data: unknown, label: string): RunConfig {
  const result = configSchema.safeParse(data);
  if (result.success) return result.data;
  const schema = z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;
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
export function readConfigFile(path: string): Promise<RunConfig> {
  return loadConfig(path, []);
}

/** Reads a YAML config, applies `--set` overrides and fills in defaults. */
export async function loadConfig(path: string, settings: readonly string[]): Promise<RunConfig> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new ClipError("not-found", `There is no config file ${path}.`, { cause });
  });
  const data = parseSettings(text, path);
  for (const setting of settings) applySetting(data, setting);
  return parseConfig(data, path);
}

/** Settings as YAML, to store beside the run. */
export function formatConfig(settings: Settings): string {
  return stringify(settings);
}
