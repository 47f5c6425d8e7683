import type { FlatTree } from "@clip-ts/core";
import type { LeafTraits } from "./leaf-traits.ts";

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
function groupsAbove(
  specs: FlatTree<LeafTraits>,
): [path: string, tower?: string, above?: number][] {
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
