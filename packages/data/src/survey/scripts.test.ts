import { expect, test } from "vitest";
import { scriptOf } from "./scripts.ts";

test.each([
  ["a dog, 2 cats", "Latin"],
  ["Größe œuvre", "Latin"],
  ["собака на снегу", "Cyrillic"],
  ["雪中的狗", "Han"],
  ["いぬがゆきのなかに", "Kana"],
  ["눈 속의 개", "Hangul"],
  ["كلب في الثلج", "Arabic"],
  ["כלב בשלג", "Hebrew"],
  ["बर्फ में कुत्ता", "Devanagari"],
  ["สุนัขในหิมะ", "Thai"],
  ["IMG собака и кот", "Cyrillic"],
  ["ᏣᎳᎩ", "other"],
  ["12:30 😀 — …", "none"],
  ["", "none"],
])("%j is %s", (text, script) => {
  expect(scriptOf(text)).toBe(script);
});
