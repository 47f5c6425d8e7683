import { ClipError } from "@clip-ts/base";

/**
 * Values by path; the first rule that matches a path wins. A regular expression matches anywhere in the
 * path; a string matches the leaf or the whole subtree of that path.
 */
export type PathRules<Value> = readonly (readonly [pattern: RegExp | string, value: Value])[];

function matches(path: string, pattern: RegExp | string): boolean {
  if (typeof pattern !== "string") return path.search(pattern) !== -1;
  return path === pattern || path.startsWith(`${pattern}.`);
}

/**
 * The value for every path: of its first matching rule, else `fallback`. A rule that matches no path at
 * all is a `bad-config` error, so that a misspelt pattern does not pass in silence.
 */
export function resolveByPath<Value>(
  paths: readonly string[],
  rules: PathRules<Value>,
  fallback: Value,
): Record<string, Value> {
  for (const [pattern] of rules) {
    if (paths.some((path) => matches(path, pattern))) continue;
    const example = paths[0] === undefined ? "" : `, such as "${paths[0]}"`;
    throw new ClipError(
      "bad-config",
      `The pattern ${String(pattern)} matches none of the ${paths.length} parameters${example}.`,
      { data: { pattern: String(pattern) } },
    );
  }
  const resolved = paths.map((path): [string, Value] => {
    const rule = rules.find(([pattern]) => matches(path, pattern));
    return [path, rule === undefined ? fallback : rule[1]];
  });
  return Object.fromEntries(resolved);
}
