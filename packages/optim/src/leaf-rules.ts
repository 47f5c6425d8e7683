import { ClipError } from "@clip-ts/base";
import type { FlatTree, ParamSpec } from "@clip-ts/core";

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

/**
 * True where weight decay applies unless a rule says otherwise: matrices, kernels, tables and heads, but
 * no biases, norms, scales or other vectors. The same parameters as in open_clip before version 3, which
 * decays the position embeddings with the weights; newer versions spare embeddings by rules of their
 * own, here `decay: [[/embedding/, false]]`.
 */
export function decaysByDefault(leaf: LeafTraits): boolean {
  const role = roleOf(leaf);
  return leaf.shape.length >= 2 && (role === "matrix" || role === "embedding" || role === "head");
}

/**
 * What defaults ask of a parameter: its spec, or no more than a shape, such as a tensor's. Then what has
 * two axes or more counts as a matrix, and the rest as biases.
 */
export type LeafTraits = Pick<ParamSpec, "shape"> & Partial<Omit<ParamSpec, "shape" | "init">>;

/** The role of a parameter, told from its shape if it does not say. */
export function roleOf({ role, shape }: LeafTraits): ParamSpec["role"] {
  return role ?? (shape.length >= 2 ? "matrix" : "bias");
}

/** The two sides of a CLIP. */
export type TowerName = "image" | "text";

/** A number for each tower; none for those left out. */
type PerTower = Readonly<Partial<Record<string, number>>>;

/** The deepest parameter of each tower: that of its head, or of its last block if it has no head. */
function deepestOf(specs: readonly LeafTraits[]): PerTower {
  const deepest: Record<string, number> = {};
  for (const { tower, depth = 0 } of specs) {
    if (tower !== undefined) deepest[tower] = Math.max(deepest[tower] ?? 0, depth);
  }
  return deepest;
}

/**
 * Groups above every parameter in its tower: 0 for the head, 1 for the last block and the norm behind it,
 * and so on to embeddings or stem: the groups by which open_clip locks towers. Parameters of neither
 * tower, such as the logit scale, have no place.
 */
function groupsAbove(specs: FlatTree<LeafTraits>): [path: string, tower?: string, above?: number][] {
  const deepest = deepestOf(Object.values(specs));
  return Object.entries(specs).map(([path, { tower, depth = 0 }]) =>
    tower === undefined ? [path] : [path, tower, (deepest[tower] ?? 0) - depth],
  );
}

/** For each tower that is locked, how many of its groups, counted from the output, still learn. */
export type UnlockedGroups = Readonly<Partial<Record<TowerName, number>>>;

/**
 * The parameters that locked towers keep as they are (Zhai et al. 2022, "LiT", arXiv:2111.07991): all
 * groups of a tower but the last `unlocked`; a group is what has one `depth`.
 */
export function lockedPaths(specs: FlatTree<LeafTraits>, unlocked: UnlockedGroups): Set<string> {
  const groups: PerTower = unlocked;
  const locked = groupsAbove(specs).filter(([, tower = "", above = 0]) => {
    const learning = groups[tower];
    return learning !== undefined && above >= learning;
  });
  return new Set(locked.map(([path]) => path));
}

/**
 * Factors on learning rates that shrink towards the input: decay ^ (groups above), 1 for the head
 * (Clark et al. 2020, arXiv:2003.10555). Parameters of neither tower, and towers without a decay,
 * have 1.
 */
export function layerwiseMultipliers(
  specs: FlatTree<LeafTraits>,
  decay: Readonly<Partial<Record<TowerName, number>>>,
): Record<string, number> {
  const rates: PerTower = decay;
  const factors = groupsAbove(specs).map(([path, tower = "", above = 0]): [string, number] => [
    path,
    (rates[tower] ?? 1) ** above,
  ]);
  return Object.fromEntries(factors);
}
