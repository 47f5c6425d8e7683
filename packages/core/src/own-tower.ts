import { ClipError, shown } from "@clip-ts/base";

/** Whether a value is a list or an object of no class. */
function isCollection(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const kind: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || kind === Object.prototype || kind === null;
}

function isScalar(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return value === null || typeof value === "string" || typeof value === "boolean";
}

/** Path and value of what no JSON file holds; undefined if there is none. */
function findOther(value: unknown, path: string): readonly [string, unknown] | undefined {
  if (isScalar(value)) return undefined;
  if (!isCollection(value)) return [path, value];
  for (const [key, child] of Object.entries(value)) {
    const isLeftOut = child === undefined && !Array.isArray(value);
    const found = isLeftOut ? undefined : findOther(child, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Checks that a JSON file can hold a value: finite numbers, texts, booleans, null, and lists and plain
 * objects of them, where what is undefined is left out. `label` names the value in the message.
 * @throws ClipError "bad-config" that names the first thing that is no such data.
 */
export function assertPlainData(value: unknown, label: string): void {
  const other = findOther(value, label);
  if (other === undefined) return;
  const [path, found] = other;
  const what = typeof found === "object" ? "an object of a class" : shown(found);
  throw new ClipError(
    "bad-config",
    `${path} should be plain data, which config.json can hold (numbers, texts, booleans, null, and lists and ` +
      `objects of them), got ${typeof found === "function" ? "a function" : what}.`,
    { data: { path } },
  );
}

/**
 * Checks sizes by name, whole numbers from `least`. `label` says whose they are.
 * @throws ClipError "bad-config" that names the first that is none.
 */
export function assertSizes(sizes: Readonly<Record<string, unknown>>, label: string, least = 1): void {
  for (const [key, value] of Object.entries(sizes)) {
    if (Number.isSafeInteger(value) && (value as number) >= least) continue;
    throw new ClipError("bad-config", `${label} needs ${key}, a whole number from ${least}, got ${shown(value)}.`, {
      data: { key, value },
    });
  }
}

/** A tower that somebody defined elsewhere, as far as both sides of a model know it. */
interface NamedTower {
  readonly name: string;
  /** What it is, in words. */
  readonly title: string;
}

/** Name and settings of such a tower in words. */
export function describeSettings(tower: Pick<NamedTower, "name">, settings: object): string {
  const said = Object.entries(settings).map(([key, value]: [string, unknown]) => `${key} ${shown(value)}`);
  return [tower.name, ...said].join(", ");
}

/** Refuses such a tower where `who` can do with built-in ones only. @throws ClipError "unsupported". */
export function refuseOwnTower({ name, title }: NamedTower, who: string): never {
  throw new ClipError(
    "unsupported",
    `${who} is for built-in towers only, and this model has ${title}: keep it in clip-ts's own ` +
      "format (writeModel), or write its graphs for others (exportOnnxFolder).",
    { data: { tower: name } },
  );
}

/**
 * The tower in a config; in one that comes straight out of a file there is only its name.
 * @throws ClipError "bad-config" for that, saying how to bring the tower along.
 */
export function ownTowerOf<Tower extends NamedTower>(tower: Tower | string, side: "text" | "vision"): Tower {
  if (typeof tower === "object") return tower;
  throw new ClipError(
    "bad-config",
    `This config has ${shown(tower)} in the place of a ${side} tower: make it with the tower's own config(), or ` +
      "read it with parseClipConfig(json, { towers }).",
    { data: { tower } },
  );
}
