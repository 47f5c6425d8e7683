import type { RandomStream } from "@clip-ts/base";

/** Where each of 0, 1, … goes: every place once. */
export type Permutation = (place: number) => number;

/** Enough for tiny domains too, where few rounds leave a trace (Luby and Rackoff 1988 prove four for large ones). */
const rounds = 8;

/** MurmurHash3's last mixing step (Appleby, public domain) of a number below 2^32 under a key. */
function mix(value: number, key: number): number {
  let mixed = value ^ key;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * A permutation of 0 … `count` - 1 that is a formula, not a list: a Feistel network over the pairs of digits of a
 * square that `count` nearly fills, walked on until it comes back below `count` (Black and Rogaway 2002, "Ciphers with
 * arbitrary finite domains"). Constant memory; `count` up to 2^52.
 */
export function permutationOf(count: number, random: RandomStream): Permutation {
  const side = Math.ceil(Math.sqrt(count));
  const keys = Array.from({ length: rounds }, () => Math.floor(random.uniform() * 2 ** 32));
  const once = (place: number): number => {
    let left = Math.floor(place / side);
    let right = place % side;
    for (const key of keys) {
      const next = (left + mix(right, key)) % side;
      left = right;
      right = next;
    }
    return left * side + right;
  };
  return (place) => {
    let at = once(place);
    while (at >= count) at = once(at);
    return at;
  };
}
