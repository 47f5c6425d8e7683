import { decodeBase64 } from "./base64.ts";
import { refuseFile } from "./json.ts";

const utf8 = new TextEncoder();
const text8 = new TextDecoder("utf-8", { ignoreBOM: true });

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

/** Finds where the longest known prefix at a place ends and its replacement begins; -1 if there is none. */
function findLongest(trie: Uint32Array, bytes: Uint8Array, from: number): { end: number; start: number } {
  const found = { end: from, start: -1 };
  let node = offsetOf(trie[0] ?? 0);
  for (let index = from; index < bytes.length;) {
    const byte = bytes[index++]!;
    node ^= byte;
    const unit = trie[node] ?? 0;
    if (byte === 0 || labelOf(unit) !== byte) break;
    node ^= offsetOf(unit);
    if (hasLeaf(unit)) Object.assign(found, { end: index, start: ((trie[node] ?? 0) & 0x7fffffff) >>> 0 });
  }
  return found;
}

/** Bytes of the character that begins with a byte of UTF-8. */
const widthOf = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/** As SentencePiece itself does: from the left, always the longest known prefix, else one character. */
function longestNormalizer(trie: Uint32Array, replacementAt: (start: number) => string): (text: string) => string {
  return (text) => {
    const bytes = utf8.encode(text);
    let result = "";
    let plain = 0;
    for (let index = 0; index < bytes.length;) {
      const { end, start } = findLongest(trie, bytes, index);
      if (start < 0) {
        index += widthOf(bytes[index]!);
        continue;
      }
      result += text8.decode(bytes.subarray(plain, index)) + replacementAt(start);
      index = plain = end;
    }
    return result + text8.decode(bytes.subarray(plain));
  };
}

/** Grapheme clusters as the original counts them: those of six bytes and more are taken apart. */
const longestCluster = 5;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Characters that may join a neighbour in a cluster: marks, formats, jamo, flags, skin tones, line ends. */
const joiner = String.raw`\p{M}\p{Cf}\r\n\u0d4e\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u{1f1e6}-\u{1f1ff}\u{1f3fb}-\u{1f3ff}\u{111c2}\u{111c3}`;

/** A character with the marks above and below it; and joiners that follow other rules. */
const marked = /[^]\p{Mn}*/gu;
const hard = new RegExp(`(?!\\p{Mn})[${joiner}]`, "u");

/** The clusters of a stretch; those of marks alone are told without the segmenter, which is slow. */
function clustersOf(stretch: string): Iterable<string> {
  if (!hard.test(stretch)) return stretch.match(marked) ?? [];
  return Array.from(graphemes.segment(stretch), ({ segment }) => segment);
}

/** Stretches that hold joiners, with a character to either side; what lies between is its own cluster each. */
const stretches = new RegExp(`[^${joiner}]?[${joiner}](?:[^${joiner}]?[${joiner}])*[^${joiner}]?`, "gu");

/**
 * SentencePiece's compiled normalisation (Kudo & Richardson 2018, arXiv:1808.06226, section 3.3), given in
 * base64: as Hugging Face applies it, cluster by cluster, else character by character; or as SentencePiece does
 * where it `takesLongest`.
 * @throws ClipError "bad-data" for a map that is none.
 */
export function charsmapNormalizer(
  charsmap: string,
  { where, takesLongest }: { readonly where: string; readonly takesLongest: boolean },
): (text: string) => string {
  const bytes = decodeBase64(charsmap, where);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  if (size % 4 !== 0 || size + 4 > bytes.length) refuseFile(where, "a compiled map", size);
  const trie = new Uint32Array(bytes.slice(4, 4 + size).buffer);
  const replacements = bytes.subarray(4 + size);
  const replacementAt = (start: number): string => {
    const end = replacements.indexOf(0, start);
    return text8.decode(replacements.subarray(start, end < 0 ? undefined : end));
  };
  const normalize = takesLongest ? longestNormalizer(trie, replacementAt) : clusterNormalizer(trie, replacementAt);
  return leavesAscii(trie) ? (text) => (printable.test(text) ? text : normalize(text)) : normalize;
}

const printable = /^[ -~]*$/u;

/** Whether some key begins so. */
function hasKeys(trie: Uint32Array, key: readonly number[]): boolean {
  let node = offsetOf(trie[0] ?? 0);
  for (const byte of key) {
    node ^= byte;
    const unit = trie[node] ?? 0;
    if (labelOf(unit) !== byte) return false;
    node ^= offsetOf(unit);
  }
  return true;
}

/** Whether printable ASCII stays as it is: no such character is a key, and no two begin one. */
function leavesAscii(trie: Uint32Array): boolean {
  const characters = Array.from({ length: 0x7f - 0x20 }, (_, index) => 0x20 + index);
  return characters.every((first) => {
    if (!hasKeys(trie, [first])) return true;
    if (findLongest(trie, Uint8Array.of(first), 0).start >= 0) return false;
    return characters.every((second) => !hasKeys(trie, [first, second]));
  });
}

/** As Hugging Face does: cluster by cluster, where a cluster is no key character by character. */
function clusterNormalizer(trie: Uint32Array, replacementAt: (start: number) => string): (text: string) => string {
  const look = (part: string): string | undefined => {
    const start = findPrefix(trie, utf8.encode(part));
    return start < 0 ? undefined : replacementAt(start);
  };
  const ofCharacter = remembering((character) => look(character) ?? character);
  const ofCluster = remembering((cluster) => {
    const isShort = utf8.encode(cluster).length <= longestCluster;
    return (isShort ? look(cluster) : undefined) ?? eachOf(cluster, ofCharacter);
  });
  return (text) => {
    let result = "";
    let done = 0;
    for (const { 0: stretch, index } of text.matchAll(stretches)) {
      result += eachOf(text.slice(done, index), ofCharacter);
      for (const cluster of clustersOf(stretch)) result += ofCluster(cluster);
      done = index + stretch.length;
    }
    return result + eachOf(text.slice(done), ofCharacter);
  };
}

/** The characters of a text, each replaced. */
function eachOf(text: string, replace: (character: string) => string): string {
  let result = "";
  for (const character of text) result += replace(character);
  return result;
}

/** The same function with a memory; it forgets all when that is full. */
function remembering(compute: (text: string) => string): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const found = known.get(text) ?? compute(text);
    if (known.size >= 65_536) known.clear();
    if (text.length <= longestCluster) known.set(text, found);
    return found;
  };
}
