/** Numbers under pairs of whole numbers, each pair from 0 to 2^32 − 1 on both sides. */
export interface PairTable {
  /** The number under the pair, or -1. */
  find(left: number, right: number): number;
}

/** A table that is still being filled. */
export interface PairTableBuilder extends PairTable {
  /** Puts a number from 0 to 2^31 − 1 under a pair, in place of the one there. */
  add(left: number, right: number, value: number): void;
}

/** Knuth's multiplicative hash of both numbers, to as many bits as the table's mask has. */
function slotOf(left: number, right: number, bits: number): number {
  const mixed = Math.imul(left ^ Math.imul(right, 0x85ebca6b), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> (32 - bits);
}

/** An open-addressing hash table over typed arrays, for up to `count` pairs. */
export function createPairTable(count: number): PairTableBuilder {
  const bits = Math.max(4, Math.ceil(Math.log2(count + 1)) + 1);
  const mask = 2 ** bits - 1;
  const lefts = new Uint32Array(mask + 1);
  const rights = new Uint32Array(mask + 1);
  const values = new Int32Array(mask + 1).fill(-1);
  const locate = (left: number, right: number): number => {
    let slot = slotOf(left, right, bits);
    while (values[slot] !== -1 && (lefts[slot] !== left || rights[slot] !== right)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  };
  return {
    find: (left, right) => values[locate(left, right)]!,
    add(left, right, value) {
      const slot = locate(left, right);
      lefts[slot] = left;
      rights[slot] = right;
      values[slot] = value;
    },
  };
}
