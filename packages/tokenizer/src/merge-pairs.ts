import { allTokenTexts, clipVocabSize, firstMergeId, mergeTexts } from "./vocabulary.ts";

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

let sharedMerges: Merges | undefined;

/** All of CLIP's merges, built on first use (tens of milliseconds) and then shared. */
export function clipMergeTable(): Merges {
  sharedMerges ??= buildMerges();
  return sharedMerges;
}

function buildMerges(): Merges {
  const idOf = new Map(allTokenTexts().map((text, id) => [text, id]));
  const merges = mergeTexts(clipVocabSize);
  const table = createPairTable(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left = "", right = ""] = merge.split(" ");
    table.add(idOf.get(left)!, idOf.get(right)!, rank);
  }
  return { rankOf: table.find, idOf: (rank) => firstMergeId + rank };
}

/** The learnt merges of a byte-pair tokenizer. */
export interface Merges {
  /** Place of the merge of two neighbouring tokens in the order of learning, or -1 if there is none. */
  rankOf(left: number, right: number): number;
  /** The token that a merge makes. */
  idOf(rank: number): number;
}

/** The places where one merge is possible, as far as they have not been joined otherwise. */
interface Places {
  readonly left: number;
  readonly right: number;
  /** First tokens of the pairs, from the left where `isSorted`. */
  readonly indices: number[];
  isSorted: boolean;
}

/** The places by rank, and the ranks as a binary heap, the smallest first. */
interface Open {
  readonly places: Map<number, Places>;
  readonly ranks: number[];
}

function pushRank(ranks: number[], rank: number): void {
  let index = ranks.push(rank) - 1;
  for (; index > 0; index = (index - 1) >> 1) {
    const parent = ranks[(index - 1) >> 1]!;
    if (parent <= rank) break;
    ranks[index] = parent;
  }
  ranks[index] = rank;
}

function popRank(ranks: number[]): number {
  const top = ranks[0]!;
  const last = ranks.pop()!;
  const size = ranks.length;
  if (size === 0) return top;
  let index = 0;
  for (let child = 1; child < size; child = 2 * index + 1) {
    if (child + 1 < size && ranks[child + 1]! < ranks[child]!) child++;
    if (ranks[child]! >= last) break;
    ranks[index] = ranks[child]!;
    index = child;
  }
  ranks[index] = last;
  return top;
}

/** The places of a merge of two tokens, among the open ones from now on. */
function placesOf({ places, ranks }: Open, rank: number, left: number, right: number): Places {
  const known = places.get(rank);
  if (known !== undefined) return known;
  const made = { left, right, indices: [], isSorted: true };
  places.set(rank, made);
  pushRank(ranks, rank);
  return made;
}

function addPlace(places: Places, index: number): void {
  const { indices } = places;
  if (indices.length > 0 && indices[indices.length - 1]! > index) places.isSorted = false;
  indices.push(index);
}

/** Tokens as a linked list: joined ones are -1, and their neighbours lead past them. */
interface Chain {
  readonly tokens: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
}

/** The rank of what is no merge, after all others. */
const never = Number.POSITIVE_INFINITY;

/** Makes one token of the pair that begins at `index`. */
function joinAt({ tokens, next, previous }: Chain, index: number, id: number): void {
  const joined = next[index]!;
  const after = next[joined]!;
  tokens[index] = id;
  tokens[joined] = -1;
  next[index] = after;
  if (after < tokens.length) previous[after] = index;
}

/** Puts the pair that begins at a token among the open ones. @returns its rank. */
function offerAt({ tokens, next }: Chain, merges: Merges, open: Open, index: number): number {
  const after = next[index]!;
  if (after >= tokens.length) return never;
  const [left, right] = [tokens[index]!, tokens[after]!];
  const rank = merges.rankOf(left, right);
  if (rank === -1) return never;
  addPlace(placesOf(open, rank, left, right), index);
  return rank;
}

/**
 * Joins all places of one merge from the left. A new pair that was learnt earlier goes first: what is
 * left of the places is then put back.
 */
function joinAll(chain: Chain, merges: Merges, open: Open, rank: number): void {
  const { left, right, indices, isSorted } = open.places.get(rank)!;
  const { tokens, next, previous } = chain;
  open.places.delete(rank);
  if (!isSorted) indices.sort((a, b) => a - b);
  const id = merges.idOf(rank);
  for (let place = 0; place < indices.length; place++) {
    const index = indices[place]!;
    const joined = next[index]!;
    if (tokens[index] !== left || joined >= tokens.length || tokens[joined] !== right) continue;
    joinAt(chain, index, id);
    const before = previous[index]!;
    const first = before >= 0 ? offerAt(chain, merges, open, before) : never;
    const second = offerAt(chain, merges, open, index);
    if (Math.min(first, second) >= rank) continue;
    const rest = placesOf(open, rank, left, right);
    for (let later = place + 1; later < indices.length; later++) addPlace(rest, indices[later]!);
    return;
  }
}

/**
 * Joins neighbouring tokens pair by pair, always the earliest learnt merge first and of equal ones the
 * leftmost, until none is left (Sennrich et al. 2016, arXiv:1508.07909, algorithm 1). The open places of
 * each merge are kept in a list, so that a word costs little more than its length. @returns new ids.
 */
export function mergePairs(ids: ArrayLike<number>, merges: Merges): number[] {
  const count = ids.length;
  if (count < 2) return Array.from(ids);
  const chain = {
    tokens: new Int32Array(count),
    next: new Int32Array(count),
    previous: new Int32Array(count),
  };
  for (let index = 0; index < count; index++) {
    chain.tokens[index] = ids[index]!;
    chain.next[index] = index + 1;
    chain.previous[index] = index - 1;
  }
  const open: Open = { places: new Map(), ranks: [] };
  for (let index = 0; index + 1 < count; index++) offerAt(chain, merges, open, index);
  while (open.ranks.length > 0) joinAll(chain, merges, open, popRank(open.ranks));
  const left: number[] = [];
  for (let index = 0; index < count; index = chain.next[index]!) left.push(chain.tokens[index]!);
  return left;
}
