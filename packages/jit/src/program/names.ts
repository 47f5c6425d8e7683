import { ClipError } from "@clip-ts/base";
import type { Graph } from "../ir/graph.ts";

/** What stands at the ends of a tree of names: a tensor, an array, or what is known of one. */
export interface Shaped {
  readonly shape: readonly number[];
}

/** Leaves by name, in groups: `{ param: { "w.weight": … }, slot: { first: { … } } }`. */
export interface NameTree<Leaf extends Shaped> {
  readonly [name: string]: Leaf | NameTree<Leaf>;
}

/** Stands between the names of groups in the one name that a graph has for a leaf. */
const separator = ":";

/** The group of what values of a program's state become. */
const nextGroup = "next";

const isLeaf = (node: object): node is Shaped => "shape" in node && Array.isArray(node.shape);

const longer = (before: string, name: string): string =>
  before === "" ? name : `${before}${separator}${name}`;

function visit<Leaf extends Shaped>(
  tree: NameTree<Leaf>,
  before: string,
  take: (name: string, leaf: Leaf) => void,
): void {
  for (const [name, node] of Object.entries(tree)) {
    if (isLeaf(node)) take(longer(before, name), node);
    else visit(node, longer(before, name), take);
  }
}

/** The leaves of a tree under one name each, as graphs call their inputs and outputs: `slot:first:w`. */
export function flattenNames<Leaf extends Shaped>(tree: NameTree<Leaf>): Record<string, Leaf> {
  const flat: Record<string, Leaf> = {};
  visit(tree, "", (name, leaf) => {
    if (Object.hasOwn(flat, name)) {
      throw new ClipError("bad-argument", `Two values would be called "${name}": rename one.`);
    }
    flat[name] = leaf;
  });
  return flat;
}

/** The leaves of `flat` in a tree like the template; leaves that `flat` does not have are left out. */
export function nestNames<Leaf extends Shaped>(
  template: NameTree<Shaped>,
  flat: Readonly<Record<string, Leaf>>,
  before = "",
): NameTree<Leaf> {
  const nested: Record<string, Leaf | NameTree<Leaf>> = {};
  for (const [name, node] of Object.entries(template)) {
    const path = longer(before, name);
    const leaf = isLeaf(node) ? flat[path] : nestNames(node, flat, path);
    if (leaf !== undefined) nested[name] = leaf;
  }
  return nested;
}

/** Each output of a graph that replaces a value of the state, and the name of that value. */
export function replacements({ outputs }: Graph): { output: string; state: string }[] {
  const start = `${nextGroup}${separator}`;
  return outputs
    .filter(({ name }) => name.startsWith(start))
    .map(({ name }) => ({ output: name, state: name.slice(start.length) }));
}
