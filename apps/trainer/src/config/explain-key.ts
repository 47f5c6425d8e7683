import { suggestion } from "../cli/suggestion.ts";

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
  const kinds = members
    .filter((member) => key in member)
    .map((member) => member["kind"]?.["const"]);
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
export function explainKey(schema: JsonSchema, path: Path, key: string): string {
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
