import { createPairTable } from "../merge-pairs.ts";
import { asFlag, asId, asList, asNumber, asText, refuseFile, type Json } from "./json.ts";
import type { Vocabulary, WordModel } from "./tokenizer-files.ts";

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

/** How much worse than the worst piece an unknown character is, as SentencePiece has it. */
const unknownPenalty = 10;

interface Piece {
  readonly text: string;
  readonly score: number;
}

function piecesOf(value: unknown, where: string): Piece[] {
  const list = asList(value, where);
  if (list.length === 0) return refuseFile(where, "a list of pieces", value);
  return list.map((entry, index) => {
    const at = `${where}[${index}]`;
    const [text, score] = asList(entry, at);
    return { text: asText(text, at), score: asNumber(score, at) };
  });
}

/** For each place of a text, the piece that ends the best segmentation up to there. */
interface Lattice {
  readonly scores: Float64Array;
  readonly starts: Int32Array;
  readonly pieces: Int32Array;
}

/** One step of Viterbi's algorithm: offers every piece that begins at `start`. */
function offerPieces(
  { scores, starts, pieces }: Lattice,
  { word, start, trie, known }: { word: string; start: number; trie: Trie; known: readonly Piece[] },
): void {
  let node = 0;
  for (let end = start; end < word.length;) {
    node = trie.step(node, word.charCodeAt(end++));
    if (node < 0) return;
    const piece = trie.valueAt(node);
    if (piece < 0) continue;
    const score = scores[start]! + known[piece]!.score;
    if (starts[end] !== -1 && score <= scores[end]!) continue;
    scores[end] = score;
    starts[end] = start;
    pieces[end] = piece;
  }
}

/** The pieces of the best segmentation, unknown ones in a row as one if they are fused. */
function walkBack({ starts, pieces }: Lattice, unknown: number, isFused: boolean): number[] {
  const ids: number[] = [];
  for (let end = starts.length - 1; end > 0; end = starts[end]!) {
    const piece = pieces[end]!;
    if (isFused && piece === unknown && ids.at(-1) === unknown) continue;
    ids.push(piece);
  }
  return ids.toReversed();
}

const utf8 = new TextEncoder();

/** What an unknown piece becomes where the vocabulary has the bytes. */
function bytesOf(ids: Vocabulary, text: string): readonly number[] | undefined {
  const found = Array.from(utf8.encode(text), (byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  return found.includes(undefined) ? undefined : (found as number[]);
}

/**
 * A unigram model (Kudo 2018, arXiv:1804.10959): of all ways to cut a word into pieces, the one whose
 * scores add up to the most, by Viterbi's algorithm. Ids in `hidden` never come out of text.
 */
export function unigramModel(
  model: Json,
  where: string,
  hidden: ReadonlySet<number>,
): { ids: Vocabulary; encode: WordModel } {
  const known = piecesOf(model["vocab"], `${where}.vocab`);
  const unknown = asId(model["unk_id"], `${where}.unk_id`);
  if (unknown >= known.length) refuseFile(`${where}.unk_id`, `below ${known.length}`, unknown);
  const hasBytes = asFlag(model["byte_fallback"], false, `${where}.byte_fallback`);
  const lowest = known.reduce((least, { score }) => Math.min(least, score), Infinity);
  const findable = known.map(({ text }, id) => [text, id] as const);
  const trie = createTrie(findable.filter(([, id]) => id !== unknown && !hidden.has(id)));
  const ids = new Map(known.map(({ text }, id) => [text, id]));
  const offerUnknown = ({ scores, starts, pieces }: Lattice, start: number, end: number): void => {
    const score = scores[start]! + lowest - unknownPenalty;
    if (starts[end] !== -1 && score <= scores[end]!) return;
    scores[end] = score;
    starts[end] = start;
    pieces[end] = unknown;
  };
  const viterbi = (word: string): Lattice => {
    const lattice = {
      scores: new Float64Array(word.length + 1),
      starts: new Int32Array(word.length + 1).fill(-1),
      pieces: new Int32Array(word.length + 1),
    };
    for (let start = 0; start < word.length;) {
      const end = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      offerPieces(lattice, { word, start, trie, known });
      if (!hasPiece(trie, word.slice(start, end))) offerUnknown(lattice, start, end);
      start = end;
    }
    return lattice;
  };
  return {
    ids,
    encode(word) {
      const lattice = viterbi(word);
      if (!hasBytes) return walkBack(lattice, unknown, true);
      return withBytes(lattice, { word, unknown, ids });
    },
  };
}

/** Whether a character is a piece by itself. */
function hasPiece({ step, valueAt }: Trie, character: string): boolean {
  let node = 0;
  for (let index = 0; index < character.length && node >= 0; index++) {
    node = step(node, character.charCodeAt(index));
  }
  return node >= 0 && valueAt(node) >= 0;
}

/** The best segmentation with unknown stretches as bytes where the vocabulary has them all. */
function withBytes(
  { starts, pieces }: Lattice,
  { word, unknown, ids }: { word: string; unknown: number; ids: Vocabulary },
): number[] {
  const found: (readonly number[])[] = [];
  for (let end = word.length; end > 0;) {
    const piece = pieces[end]!;
    let start = starts[end]!;
    while (piece === unknown && start > 0 && pieces[start] === unknown) start = starts[start]!;
    const bytes = piece === unknown ? bytesOf(ids, word.slice(start, end)) : undefined;
    found.push(bytes ?? [piece]);
    end = start;
  }
  return found.toReversed().flat();
}
