import { ClipError } from "@clip-ts/base";
import { allTokenTexts, byteCharacters } from "./vocabulary.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

/**
 * Text of the ids up to the first end token, the start token left out; one blank after each word
 * but the last. Bytes that are no UTF-8, as where a caption was cut, become U+FFFD.
 */
export function decodeTokens(ids: ArrayLike<number>, vocabSize: number): string {
  const texts = allTokenTexts();
  const startId = vocabSize - 2;
  const bytes: number[] = [];
  for (const id of Array.from(ids)) {
    checkId(id, vocabSize);
    if (id > startId) break;
    if (id !== startId) pushBytes(bytes, texts[id]!);
  }
  return utf8.decode(Uint8Array.from(bytes)).trimEnd();
}

function pushBytes(bytes: number[], token: string): void {
  const isLast = token.endsWith("</w>");
  const characters = isLast ? token.slice(0, -"</w>".length) : token;
  for (const character of characters) bytes.push(byteOf.get(character)!);
  if (isLast) bytes.push(0x20);
}

function checkId(id: number, vocabSize: number): void {
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return;
  throw new ClipError(
    "bad-argument",
    `A token id must be a whole number from 0 to ${vocabSize - 1}, got ${id}; ` +
      "decode with the tokenizer that made the ids",
    { data: { id, vocabSize } },
  );
}
