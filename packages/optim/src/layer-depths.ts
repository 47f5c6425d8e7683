/** The two sides of a CLIP. */
export type TowerName = "image" | "text";

/** Where a parameter stands: counted from the input, embeddings being 0. */
export interface LayerPlace {
  readonly tower: TowerName;
  readonly depth: number;
}

const towers: readonly (readonly [RegExp, TowerName])[] = [
  [/^(vision_model|visual_projection)\b/, "image"],
  [/^(text_model|text_projection)\b/, "text"],
];

/** Blocks of transformers by their number, stages of ResNets by theirs. */
const block = /\.layers?\.(\d+)\./;
const stage = /\.layer(\d+)\./;

/** What comes after the last block and belongs to it, and what turns the tower's end into a feature. */
const ending = /\.(post_layernorm|final_layer_norm|ln_final)\b/;
const head = /^(visual|text)_projection\b|\.(attnpool|head|pooler)\./;

/** The depth that the path itself tells; undefined at the tower's end. */
function numbered(path: string): number | undefined {
  const transformer = block.exec(path)?.[1];
  if (transformer !== undefined) return Number(transformer) + 1;
  const resNet = stage.exec(path)?.[1];
  if (resNet !== undefined) return Number(resNet);
  return ending.test(path) || head.test(path) ? undefined : 0;
}

/**
 * The depth of every parameter in its tower: embeddings or stem 0, then each block (of a ResNet each
 * stage), the last with the norm behind it, then the head: the groups by which open_clip locks towers.
 * Parameters of neither tower, such as the logit scale, have no place.
 */
export function layerDepths(paths: readonly string[]): Record<string, LayerPlace> {
  const places: Record<string, LayerPlace> = {};
  for (const [pattern, tower] of towers) {
    const own = paths.filter((path) => pattern.test(path));
    const last = own.reduce((deepest, path) => Math.max(deepest, numbered(path) ?? 0), 0);
    for (const path of own) {
      const depth = numbered(path) ?? (head.test(path) ? last + 1 : last);
      places[path] = { tower, depth };
    }
  }
  return places;
}

/** The deepest depth of a tower. */
function deepest(places: Readonly<Record<string, LayerPlace>>, tower: TowerName): number {
  const depths = Object.values(places).filter((place) => place.tower === tower);
  return depths.reduce((most, { depth }) => Math.max(most, depth), 0);
}

/** For each tower that is locked, how many of its groups, counted from the output, still learn. */
export type UnlockedGroups = Readonly<Partial<Record<TowerName, number>>>;

/**
 * The parameters that locked towers keep as they are (Zhai et al. 2022, "LiT", arXiv:2111.07991): all
 * groups of `layerDepths` but the last `unlocked`.
 */
export function lockedPaths(paths: readonly string[], unlocked: UnlockedGroups): Set<string> {
  const places = layerDepths(paths);
  const locked = Object.entries(places).filter(([, { tower, depth }]) => {
    const groups = unlocked[tower];
    return groups !== undefined && depth <= deepest(places, tower) - groups;
  });
  return new Set(locked.map(([path]) => path));
}

/**
 * Factors on learning rates that shrink towards the input: decay ^ (groups above), 1 for the head
 * (Clark et al. 2020, arXiv:2003.10555). Parameters of neither tower, and towers without a decay,
 * have 1.
 */
export function layerwiseMultipliers(
  paths: readonly string[],
  decay: Readonly<Partial<Record<TowerName, number>>>,
): Record<string, number> {
  const places = layerDepths(paths);
  const factors = paths.map((path): [string, number] => {
    const place = places[path];
    const rate = place === undefined ? undefined : decay[place.tower];
    if (place === undefined || rate === undefined) return [path, 1];
    return [path, rate ** (deepest(places, place.tower) - place.depth)];
  });
  return Object.fromEntries(factors);
}
