import { createPairTable } from "../merge-pairs.ts";

/** Texts as a tree of UTF-16 units, for finding all that begin at one place of a text. */
export interface Trie {
  /** The node behind `node` by a unit, or -1; the root is 0. */
  step(node: number, unit: number): number;
  /** The number of the text that ends at a node, or -1. */
  valueAt(node: number): number;
}

/** A tree of texts with a number each; of equal texts the last counts. */
export function createTrie(entries: readonly (readonly [text: string, value: number])[]): Trie {
  const units = entries.reduce((total, [text]) => total + text.length, 0);
  const children = createPairTable(units);
  const values = new Int32Array(units + 1).fill(-1);
  let nodes = 1;
  for (const [text, value] of entries) {
    let node = 0;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      let child = children.find(node, unit);
      if (child < 0) children.add(node, unit, (child = nodes++));
      node = child;
    }
    if (node > 0) values[node] = value;
  }
  return { step: children.find, valueAt: (node) => values[node]! };
}

/** The longest text that begins at a place: its number and its end; -1 if there is none. */
export function longestAt(trie: Trie, text: string, start: number): { value: number; end: number } {
  const found = { value: -1, end: start };
  let node = 0;
  for (let index = start; index < text.length;) {
    node = trie.step(node, text.charCodeAt(index++));
    if (node < 0) break;
    const value = trie.valueAt(node);
    if (value >= 0) Object.assign(found, { value, end: index });
  }
  return found;
}
