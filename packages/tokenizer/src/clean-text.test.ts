import fc from "fast-check";
import { expect, test } from "vitest";
import { cleanText, normalizeText, repairText } from "./clean-text.ts";

const plainAscii = fc.string({
  unit: fc
    .integer({ min: 0x09, max: 0x7e })
    .filter((code) => code >= 0x20 || [0x09, 0x0a, 0x0d].includes(code))
    .map((code) => String.fromCharCode(code))
    .filter((character) => character !== "&"),
  maxLength: 200,
});

test("plain ASCII without & needs no repair, so skipping it changes nothing", () => {
  fc.assert(
    fc.property(plainAscii, (text) => {
      expect(cleanText(text)).toBe(normalizeText(repairText(text)));
    }),
    { numRuns: 2000 },
  );
});

test("cleaned text has no outer, doubled or odd white space", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(cleanText(text)).not.toMatch(/^ | $| {2}|[\t-\r\u0085\u00a0\u2028\u3000]/);
    }),
  );
});

test.each([
  ["mojibake", "sÃ³ cafÃ©", "só café"],
  ["curly quotes", "“It’s”", `"it's"`],
  ["HTML twice", "&amp;lt;b&amp;gt;", "<b>"],
  ["half-written HTML", "Q&ampA &notit; &zzz;", "q&a ¬it; &zzz;"],
  ["HTML for control characters", "a&#1;b&#x7F;c&#65534;d", "abcd"],
  ["HTML for Windows-1252 bytes", "&#128;&#x99;", "€™"],
  ["HTML for no character", "&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"],
  ["fullwidth forms", "Ｃａｔ～", "cat~"],
  ["line separators and no-break spaces", "a\u2028b\u00a0\u3000c", "a b c"],
  ["information separators", "\u001ca\u001fb\u001d", "ab"],
  ["a lone surrogate", "a\ud800b", "a\ufffdb"],
  ["Python's lower case", "İ ΑΣ", "i\u0307 ας"],
  ["nothing", "", ""],
])("cleans %s", (_name, text, cleaned) => {
  expect(cleanText(text)).toBe(cleaned);
});
