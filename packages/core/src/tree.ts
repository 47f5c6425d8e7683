import { ClipError } from "@clip-ts/base";

/**
 * A parameter tree: plain objects and arrays with leaves at the ends. A leaf is anything that has a
 * `shape` (a tensor, a spec) or is not an object (a flag, a multiplier). The path of a leaf, its keys
 * joined by dots, is its name in the checkpoint.
 */
export type TreeOf<Tree, From, To> = Tree extends From
  ? To
  : Tree extends readonly (infer Item)[]
    ? readonly TreeOf<Item, From, To>[]
    : { readonly [Key in keyof Tree]: TreeOf<Tree[Key], From, To> };

/** A tree of leaves of which no more is known; of lists, the keys are their indices. */
export interface ParamTree<Leaf> {
  readonly [name: string]: Leaf | ParamTree<Leaf>;
}

/** Leaves by path, in tree order: what PyTorch calls a state dict. */
export type FlatTree<Leaf> = Readonly<Record<string, Leaf>>;

/** What counts as a leaf where a caller does not say. */
type AnyLeaf = { readonly shape: readonly number[] } | number | string | boolean;

function isLeaf(node: unknown): boolean {
  return typeof node !== "object" || node === null || "shape" in node;
}

function walk(node: unknown, path: string, visit: (leaf: unknown, path: string) => void): void {
  if (isLeaf(node)) return visit(node, path);
  for (const [key, child] of Object.entries(node as object)) {
    if (child !== undefined) walk(child, path === "" ? key : `${path}.${key}`, visit);
  }
}

function rebuild(node: unknown, path: string, make: (leaf: unknown, path: string) => unknown): unknown {
  if (isLeaf(node)) return make(node, path);
  const child = (value: unknown, key: string | number): unknown =>
    rebuild(value, path === "" ? `${key}` : `${path}.${key}`, make);
  if (Array.isArray(node)) return node.map(child);
  const entries = Object.entries(node as object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, child(value, key)]));
}

/** The leaves by path. `flattenTree(params)` is the state dict. */
export function flattenTree<Leaf>(tree: object): Record<string, Leaf> {
  const flat: Record<string, Leaf> = {};
  walk(tree, "", (leaf, path) => {
    flat[path] = leaf as Leaf;
  });
  return flat;
}

/** A tree of the same structure whose leaves are `map(leaf, path)`. */
export function mapTree<Tree extends object, From, To>(
  tree: Tree,
  map: (leaf: From, path: string) => To,
): TreeOf<Tree, From, To> {
  return rebuild(tree, "", (leaf, path) => map(leaf as From, path)) as TreeOf<Tree, From, To>;
}

/** A tree structured like `template` whose leaves come from `flat`; every path must be there. */
export function unflattenLike<Tree extends object, From = AnyLeaf, To = unknown>(
  template: Tree,
  flat: FlatTree<To>,
): TreeOf<Tree, From, To> {
  return mapTree<Tree, From, To>(template, (_, path) => {
    const leaf = flat[path];
    if (leaf === undefined) {
      throw new ClipError("bad-argument", `The tree needs a leaf "${path}", but none was given.`, {
        data: { path },
      });
    }
    return leaf;
  });
}

/** The leaves of these paths, in their order; all must be there. */
export function pickLeaves<Leaf>(leaves: FlatTree<Leaf>, paths: readonly string[]): Record<string, Leaf> {
  return Object.fromEntries(paths.map((path) => [path, leaves[path] as Leaf]));
}
