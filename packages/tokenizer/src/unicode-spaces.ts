/**
 * Unicode's White_Space property as the inside of a regular expression's class. JavaScript's `\s`
 * differs from it: it lacks U+0085 and has U+FEFF.
 */
export const unicodeSpaces: string = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
