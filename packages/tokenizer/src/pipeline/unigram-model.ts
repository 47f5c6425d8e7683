import { asFlag, asId, asList, asNumber, asText, refuseFile, type Json } from "./json.ts";
import { createPieceTable, seed, type PieceTable } from "./piece-table.ts";
import type { Vocabulary, WordModel } from "./tokenizer-files.ts";

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

/** For each place of a text, the piece that ends the best segmentation up to there. */
interface Lattice {
  readonly scores: Float64Array;
  readonly starts: Int32Array;
  readonly pieces: Int32Array;
}

/**
 * One step of Viterbi's algorithm: offers every piece that begins at `start`. @returns whether one of them is a
 * single character.
 */
function offerPieces(lattice: Lattice, word: string, start: number, { table, scores, isHidden }: Pieces): boolean {
  const last = Math.min(word.length, start + table.longest);
  const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
  let hash = seed;
  let hasSingle = false;
  for (let end = start; end < last;) {
    hash = table.step(hash, word.charCodeAt(end++));
    const piece = table.find(word, start, end, hash);
    if (piece < 0 || isHidden[piece] === 1) continue;
    hasSingle ||= end === next;
    offer(lattice, { piece, start, end, score: lattice.scores[start]! + scores[piece]! });
  }
  return hasSingle;
}

/** Takes a piece where none that ends there is better. */
function offer(
  { scores, starts, pieces }: Lattice,
  { piece, start, end, score }: { piece: number; start: number; end: number; score: number },
): void {
  if (starts[end] !== -1 && score <= scores[end]!) return;
  scores[end] = score;
  starts[end] = start;
  pieces[end] = piece;
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
  const unknown = asId(model["unk_id"], `${where}.unk_id`);
  const pieces = piecesOf(model["vocab"], `${where}.vocab`, [...hidden, unknown]);
  const { table: ids, scores } = pieces;
  if (unknown >= ids.size) refuseFile(`${where}.unk_id`, `below ${ids.size}`, unknown);
  const hasBytes = asFlag(model["byte_fallback"], false, `${where}.byte_fallback`);
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - unknownPenalty;
  const viterbi = (word: string): Lattice => {
    const lattice = {
      scores: new Float64Array(word.length + 1),
      starts: new Int32Array(word.length + 1).fill(-1),
      pieces: new Int32Array(word.length + 1),
    };
    for (let start = 0; start < word.length;) {
      const end = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      const hasSingle = offerPieces(lattice, word, start, pieces);
      if (!hasSingle) offer(lattice, { piece: unknown, start, end, score: lattice.scores[start]! + unknownScore });
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
