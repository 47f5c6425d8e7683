import { asText, refuseFile } from "./json.ts";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const utf8 = new TextEncoder();
const text8 = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeBase64(text: string, where: string): Uint8Array {
  const length = text.replace(/=+$/u, "").length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let [bits, held, place] = [0, 0, 0];
  for (let index = 0; index < length; index++) {
    const value = digits.indexOf(text[index]!);
    if (value < 0) return refuseFile(where, "base64", text.slice(0, 20));
    bits = ((bits << 6) | value) & 0xffffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[place++] = bits >> held;
  }
  return bytes;
}

/** One unit of a double-array trie (Yata's Darts-clone). */
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6);

/** Where the replacement of the shortest known prefix begins, or -1. */
function findPrefix(trie: Uint32Array, key: Uint8Array): number {
  let node = offsetOf(trie[0] ?? 0);
  for (const byte of key) {
    node ^= byte;
    const unit = trie[node] ?? 0;
    if (byte === 0 || labelOf(unit) !== byte) return -1;
    node ^= offsetOf(unit);
    if (hasLeaf(unit)) return ((trie[node] ?? 0) & 0x7fffffff) >>> 0;
  }
  return -1;
}

/** Grapheme clusters as the original counts them: those of six bytes and more are taken apart. */
const longestCluster = 5;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Text that is sure to be one character a cluster. */
const simple = /^[\x20-\x7e]*$/u;

/** Pieces of a text: stretches of plain ASCII, which end before a character that marks may follow. */
const stretches = /[\x20-\x7e]+(?![^\x20-\x7e])|[\x20-\x7e]?[^\x20-\x7e]+|[\x20-\x7e]+/gu;

/**
 * SentencePiece's compiled normalisation (Kudo & Richardson 2018, arXiv:1808.06226, section 3.3), as
 * Hugging Face applies it: cluster by cluster, else character by character.
 */
export function charsmapNormalizer(value: unknown, where: string): (text: string) => string {
  const bytes = decodeBase64(asText(value, where), where);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  if (size % 4 !== 0 || size + 4 > bytes.length) refuseFile(where, "a compiled map", size);
  const trie = new Uint32Array(bytes.slice(4, 4 + size).buffer);
  const replacements = bytes.subarray(4 + size);
  const look = (part: string): string | undefined => {
    const start = findPrefix(trie, utf8.encode(part));
    if (start < 0) return undefined;
    const end = replacements.indexOf(0, start);
    return text8.decode(replacements.subarray(start, end < 0 ? undefined : end));
  };
  const known = new Map<string, string>();
  const ofCharacter = (character: string): string => {
    const found = known.get(character) ?? look(character) ?? character;
    if (known.size < 65_536) known.set(character, found);
    return found;
  };
  const ofCluster = (cluster: string): string => {
    const isShort = cluster.length <= longestCluster && utf8.encode(cluster).length <= longestCluster;
    return (isShort ? look(cluster) : undefined) ?? Array.from(cluster, ofCharacter).join("");
  };
  const ofStretch = (stretch: string): string => {
    if (simple.test(stretch)) return Array.from(stretch, ofCharacter).join("");
    return Array.from(graphemes.segment(stretch), ({ segment }) => ofCluster(segment)).join("");
  };
  return (text) => text.replace(stretches, ofStretch);
}
