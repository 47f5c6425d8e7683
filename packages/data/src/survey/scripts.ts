/** Scripts (Unicode's property) that captions are written in, those that share letters as one. */
const scripts: readonly (readonly [name: string, letters: RegExp])[] = [
  ["Latin", /\p{Script=Latin}/gu],
  ["Cyrillic", /\p{Script=Cyrillic}/gu],
  ["Han", /\p{Script=Han}/gu],
  ["Kana", /[\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ["Hangul", /\p{Script=Hangul}/gu],
  ["Arabic", /\p{Script=Arabic}/gu],
  ["Hebrew", /\p{Script=Hebrew}/gu],
  ["Greek", /\p{Script=Greek}/gu],
  ["Devanagari", /\p{Script=Devanagari}/gu],
  ["Bengali", /\p{Script=Bengali}/gu],
  ["Tamil", /\p{Script=Tamil}/gu],
  ["Telugu", /\p{Script=Telugu}/gu],
  ["Thai", /\p{Script=Thai}/gu],
  ["Georgian", /\p{Script=Georgian}/gu],
  ["Armenian", /\p{Script=Armenian}/gu],
];

const asciiLetter = /[a-z]/i;
const asciiAlone = /^[\0-\x7f]*$/;
const letter = /\p{L}/u;

/**
 * The script that most letters of a text are of: "Latin", "Han", …; "other" for rarer ones, "none" for a text without
 * letters. Japanese is Kana or Han, as its letters are.
 */
export function scriptOf(text: string): string {
  if (asciiAlone.test(text)) return asciiLetter.test(text) ? "Latin" : "none";
  let [best, most] = ["", 0];
  for (const [name, letters] of scripts) {
    const count = text.match(letters)?.length ?? 0;
    if (count > most) [best, most] = [name, count];
  }
  if (most > 0) return best;
  return letter.test(text) ? "other" : "none";
}
