import { expect, test } from "vitest";
import { createPieceTable, seed } from "./piece-table.ts";

const texts = ["<unk>", "a", "ab", "▁the", "😀", "", "a", ...Array.from({ length: 5000 }, (_, n) => `w${n * 7919}`)];
const table = createPieceTable(texts.length, (index) => texts[index]!);

test("every text has its number, of equal ones the last, and comes back", () => {
  for (const [index, text] of texts.entries()) {
    expect(table.get(text)).toBe(texts.lastIndexOf(text));
    expect(table.textOf(index)).toBe(text);
  }
  for (const other of ["b", "abc", "▁th", "w7920", "\ud83d"]) expect(table.get(other)).toBeUndefined();
  expect(table.textOf(-1)).toBeUndefined();
  expect(table.textOf(texts.length)).toBeUndefined();
});

test("a stretch of a text is found by its hash", () => {
  const text = "xx▁the";
  let hash = seed;
  const found: number[] = [];
  for (let end = 2; end < text.length;) {
    hash = table.step(hash, text.charCodeAt(end++));
    found.push(table.find(text, 2, end, hash));
  }
  expect(found).toEqual([-1, -1, -1, 3]);
});

test("a beginning of a text is one, and most others are told from it", () => {
  const hashesOf = (text: string): number[] => {
    const hashes: number[] = [];
    for (let place = 0; place < text.length; place++)
      hashes.push(table.step(hashes.at(-1) ?? seed, text.charCodeAt(place)));
    return hashes;
  };
  for (const text of texts) expect(hashesOf(text).every((hash) => table.mayBegin(hash))).toBe(true);
  const others = Array.from({ length: 1000 }, (_, n) => hashesOf(`x${n}`).at(-1) ?? seed);
  expect(others.filter((hash) => table.mayBegin(hash)).length).toBeLessThan(300);
});
