import { asFlag, asId, asList, asNumber, asText, refuseFile, type Json } from "./json.ts";
import { createPieceTable, seed, type PieceTable } from "./piece-table.ts";
import type { TextModel, Vocabulary } from "./tokenizer-files.ts";

/** How much worse than the worst piece an unknown character is, as SentencePiece has it. */
const unknownPenalty = 10;

/** The pieces of a model: a table of their texts, and what each is worth. */
interface Pieces {
  readonly table: PieceTable;
  readonly scores: Float64Array;
  /** Whether a piece never comes out of text: 1 for those. */
  readonly isHidden: Uint8Array;
}

function piecesOf(value: unknown, where: string, hidden: Iterable<number>): Pieces {
  const list = asList(value, where);
  if (list.length === 0) return refuseFile(where, "a list of pieces", value);
  const scores = new Float64Array(list.length);
  const texts = list.map((entry, index) => {
    const [text, score] = Array.isArray(entry) ? (entry as unknown[]) : asList(entry, `${where}[${index}]`);
    scores[index] = typeof score === "number" ? score : asNumber(score, `${where}[${index}]`);
    return typeof text === "string" ? text : asText(text, `${where}[${index}]`);
  });
  const isHidden = new Uint8Array(list.length);
  for (const id of hidden) isHidden[id] = 1;
  return { table: createPieceTable(texts.length, (index) => texts[index]!), scores, isHidden };
}

/** For each place of a word, the piece that ends the best segmentation up to there; what lies behind the word is old. */
interface Lattice {
  readonly scores: Float64Array;
  /** Where the piece begins, or -1 where none ends. */
  readonly starts: Int32Array;
  readonly pieces: Int32Array;
}

const createLattice = (places: number): Lattice => ({
  scores: new Float64Array(places),
  starts: new Int32Array(places),
  pieces: new Int32Array(places),
});

/**
 * One step of Viterbi's algorithm: offers every piece that begins at `start`, of which those that are no better than
 * what ends there stay out. @returns whether one of them is a single character.
 */
function offerPieces(lattice: Lattice, word: string, start: number, { table, scores, isHidden }: Pieces): boolean {
  const base = lattice.scores[start]!;
  const next = nextPlace(word, start);
  let hash = seed;
  let hasSingle = false;
  for (let end = start; end < word.length;) {
    hash = table.step(hash, word.charCodeAt(end++));
    if (!table.mayBegin(hash)) break;
    const piece = table.find(word, start, end, hash);
    if (piece < 0 || isHidden[piece] === 1) continue;
    if (end === next) hasSingle = true;
    const score = base + scores[piece]!;
    if (lattice.starts[end] !== -1 && score <= lattice.scores[end]!) continue;
    lattice.scores[end] = score;
    lattice.starts[end] = start;
    lattice.pieces[end] = piece;
  }
  return hasSingle;
}

/** Where the character behind the one at a place begins. */
const nextPlace = (word: string, place: number): number => place + (word.codePointAt(place)! > 0xffff ? 2 : 1);

/** The pieces of the best segmentation, unknown ones in a row as one. */
function walkBack({ starts, pieces }: Lattice, length: number, unknown: number): number[] {
  const ids: number[] = [];
  for (let end = length; end > 0; end = starts[end]!) {
    const piece = pieces[end]!;
    if (piece === unknown && ids.at(-1) === unknown) continue;
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
export function unigramModel(model: Json, where: string, hidden: ReadonlySet<number>): TextModel {
  const unknown = asId(model["unk_id"], `${where}.unk_id`);
  const pieces = piecesOf(model["vocab"], `${where}.vocab`, [...hidden, unknown]);
  const { table: ids, scores } = pieces;
  if (unknown >= ids.size) refuseFile(`${where}.unk_id`, `below ${ids.size}`, unknown);
  const hasBytes = asFlag(model["byte_fallback"], false, `${where}.byte_fallback`);
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - unknownPenalty;
  let lattice = createLattice(256);
  const fill = (word: string): void => {
    if (word.length >= lattice.starts.length) lattice = createLattice(2 * word.length);
    lattice.starts.fill(-1, 0, word.length + 1);
    lattice.scores[0] = 0;
    for (let start = 0; start < word.length;) {
      const end = nextPlace(word, start);
      if (!offerPieces(lattice, word, start, pieces)) {
        const score = lattice.scores[start]! + unknownScore;
        if (lattice.starts[end] === -1 || score > lattice.scores[end]!) {
          lattice.scores[end] = score;
          lattice.starts[end] = start;
          lattice.pieces[end] = unknown;
        }
      }
      start = end;
    }
  };
  return {
    ids,
    encode(word) {
      fill(word);
      return hasBytes ? withBytes(lattice, { word, unknown, ids }) : walkBack(lattice, word.length, unknown);
    },
  };
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
