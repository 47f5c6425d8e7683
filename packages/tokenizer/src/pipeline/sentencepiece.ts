import { ClipError } from "@clip-ts/base";
import { encodeBase64 } from "./base64.ts";

/** What a piece is, by SentencePiece's numbers; other kinds are plain. */
export const pieceKinds = { control: 3, userDefined: 4 } as const;

/** A SentencePiece model as its file has it, of which a tokenizer is made. */
export interface SentencePieceModel {
  /** Text and score of every piece, a piece's id is its place. */
  readonly pieces: readonly (readonly [text: string, score: number])[];
  /** Kind of every piece: 1 is plain, others in `pieceKinds`. */
  readonly kinds: Uint8Array;
  readonly type: "unigram" | "bpe";
  readonly unknownId: number;
  /** The compiled normalisation in base64, as `tokenizer.json` has it; empty where there is none. */
  readonly charsmap: string;
  /** Settings of the normaliser and trainer that change how a text is cut, where they are not the usual ones. */
  readonly unusual: readonly string[];
}

/** A value of a protobuf message: a whole number, or the stretch of bytes from `start` to `end`. */
interface Field {
  tag: number;
  number: number;
  start: number;
  end: number;
}

function refuse(file: string): never {
  throw new ClipError(
    "bad-data",
    `${file} should be a SentencePiece model (protobuf), and is broken or something else: fetch it again.`,
    { data: { file } },
  );
}

/** The file's bytes, and the place up to which they are read. */
interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly file: string;
  place: number;
}

/** Bytes of the longest number. */
const longestNumber = 10;

function readNumber(cursor: Cursor): number {
  let [value, factor] = [0, 1];
  for (let count = 0; count < longestNumber; count++) {
    const byte = cursor.bytes[cursor.place++] ?? refuse(cursor.file);
    value += (byte & 127) * factor;
    if (byte < 128) return value;
    factor *= 128;
  }
  return refuse(cursor.file);
}

/** Bytes of a field by its kind. Kinds that SentencePiece does not write are refused. */
function lengthOf(kind: number, cursor: Cursor): number {
  if (kind === 1) return 8;
  if (kind === 5) return 4;
  return kind === 2 ? readNumber(cursor) : refuse(cursor.file);
}

/** Every field of the message from `start` to `end` in order, to `each`, which keeps none: one object serves all. */
function readFields(cursor: Cursor, start: number, end: number, each: (field: Field) => void): void {
  const field: Field = { tag: 0, number: 0, start: 0, end: 0 };
  let place = start;
  while (place < end) {
    cursor.place = place;
    const key = readNumber(cursor);
    const kind = key & 7;
    field.tag = key >>> 3;
    field.number = kind === 0 ? readNumber(cursor) : 0;
    const length = kind === 0 ? 0 : lengthOf(kind, cursor);
    field.start = cursor.place;
    place = field.end = field.start + length;
    if (place > end) refuse(cursor.file);
    each(field);
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Texts of stretches of the file, decoded in one go: a decoder's every call has a price. */
function decodeAll({ bytes }: Cursor, places: readonly number[]): string[] {
  const count = places.length / 2;
  const joined = new Uint8Array(bytes.length + count);
  let place = 0;
  for (let index = 0; index < count; index++) {
    const [start, end] = [places[2 * index]!, places[2 * index + 1]!];
    for (let from = start; from < end; from++) joined[place++] = bytes[from]!;
    joined[place++] = 0;
  }
  const found = utf8.decode(joined.subarray(0, place)).split("\0");
  if (found.length === count + 1) return found.slice(0, -1);
  // A text holds the byte between them.
  return Array.from({ length: count }, (_, index) =>
    utf8.decode(bytes.subarray(places[2 * index], places[2 * index + 1])),
  );
}

function floatOf({ view, file }: Cursor, { start, end }: Field): number {
  return end - start === 4 ? view.getFloat32(start, true) : refuse(file);
}

/** The numbers of fields in `sentencepiece_model.proto`. */
const trainer = { modelType: 3, whitespaceAsSuffix: 24, unknownId: 40 } as const;
const normalizer = { charsmap: 2, dummyPrefix: 3, removesSpaces: 4, escapesSpaces: 5 } as const;

/** What the parts of the file say about all pieces. */
interface Settings {
  /** Undefined until the trainer's part is read, which stands behind the pieces and is always there. */
  modelType: number | undefined;
  unknownId: number;
  charsmap: Uint8Array;
  readonly unusual: string[];
}

function readTrainer(cursor: Cursor, { start, end }: Field, settings: Settings): void {
  settings.modelType = 1;
  readFields(cursor, start, end, ({ tag, number }) => {
    if (tag === trainer.modelType) settings.modelType = number;
    if (tag === trainer.unknownId) settings.unknownId = number;
    if (tag === trainer.whitespaceAsSuffix && number !== 0) settings.unusual.push("treat_whitespace_as_suffix");
  });
}

function readNormalizer(cursor: Cursor, message: Field, settings: Settings): void {
  readFields(cursor, message.start, message.end, ({ tag, number, start, end }) => {
    if (tag === normalizer.charsmap) settings.charsmap = cursor.bytes.subarray(start, end);
    if (tag === normalizer.dummyPrefix && number === 0) settings.unusual.push("add_dummy_prefix");
    if (tag === normalizer.removesSpaces && number === 0) settings.unusual.push("remove_extra_whitespaces");
    if (tag === normalizer.escapesSpaces && number === 0) settings.unusual.push("escape_whitespaces");
  });
}

/** Texts as stretches of the file, scores and kinds of all pieces. */
interface PieceList {
  readonly places: number[];
  readonly scores: number[];
  readonly kinds: number[];
}

function readPiece(cursor: Cursor, message: Field, { places, scores, kinds }: PieceList): void {
  let [from, to, score, kind] = [0, 0, 0, 1];
  readFields(cursor, message.start, message.end, (field) => {
    if (field.tag === 1) [from, to] = [field.start, field.end];
    else if (field.tag === 2) score = floatOf(cursor, field);
    else if (field.tag === 3) kind = field.number;
  });
  places.push(from, to);
  scores.push(score);
  kinds.push(kind);
}

/**
 * Reads a SentencePiece model (Kudo & Richardson 2018, arXiv:1808.06226; the message `ModelProto` of
 * `sentencepiece_model.proto`), as `spiece.model` and `sentencepiece.bpe.model` have it.
 * @throws ClipError "bad-data" for a file that is none, "unsupported" for models of words or characters.
 */
export function readSentencePiece(bytes: Uint8Array, file: string): SentencePieceModel {
  const cursor: Cursor = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), file, place: 0 };
  const list: PieceList = { places: [], scores: [], kinds: [] };
  const settings: Settings = { modelType: undefined, unknownId: 0, charsmap: new Uint8Array(), unusual: [] };
  readFields(cursor, 0, bytes.length, (field) => {
    if (field.tag === 1) readPiece(cursor, field, list);
    else if (field.tag === 2) readTrainer(cursor, field, settings);
    else if (field.tag === 3) readNormalizer(cursor, field, settings);
  });
  const { modelType, unknownId, charsmap, unusual } = settings;
  const { scores, kinds, places } = list;
  if (modelType === undefined || unknownId >= kinds.length) return refuse(file);
  return {
    pieces: decodeAll(cursor, places).map((text, index) => [text, scores[index]!]),
    kinds: Uint8Array.from(kinds),
    type: typeOf(modelType, file),
    unknownId,
    charsmap: encodeBase64(charsmap),
    unusual,
  };
}

function typeOf(modelType: number, file: string): SentencePieceModel["type"] {
  if (modelType === 1) return "unigram";
  if (modelType === 2) return "bpe";
  throw new ClipError(
    "unsupported",
    `${file} holds a SentencePiece model of type ${modelType} (words or characters); unigram (1) and byte-pair ` +
      "(2) models are read. Give token ids instead of text.",
    { data: { file, modelType } },
  );
}
