import { fix_text as fixWithFtfy, is_bad as isBad } from "ftfy-js";

/** What HTML unescaping in ftfy looks for. */
const reference = /&#?[0-9A-Za-z]{1,24};/u;

/** ASCII of which ftfy only changes the line ends, references aside. */
const asciiLine = /^[\t\n\r\x20-\x7e]*$/u;

/** ASCII that ftfy leaves as it is, references aside. */
const plainAscii = /^[\t\n\x20-\x7e]*$/u;

/**
 * Characters that one of ftfy's steps changes: controls, line ends, ligatures, width forms, curly quotes,
 * lone surrogates. A character too many here costs time, one too few a difference.
 */
const changed =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\u02bc\u2018-\u201f\u2028\u2029\u206a-\u206f\u3000\ufb00-\ufb06\ufeff\uff00-\ufffc\p{Cs}]/u;

/** ftfy cuts longer lines apart, and so changes what stands at the cut. */
const longestLine = 1_000_000;

/** Whether no step of ftfy but the last, which composes accents, would change a line. */
function isUntouched(line: string, unescapes: boolean): boolean {
  if (line.length >= longestLine || (unescapes && reference.test(line))) return false;
  return plainAscii.test(line) || !(changed.test(line) || isBad(line));
}

function fixLine(line: string, unescapes: boolean): string {
  const isAscii = asciiLine.test(line) && line.length < longestLine;
  let text = isAscii ? line.replaceAll("\r\n", "\n").replaceAll("\r", "\n") : line;
  while (isUntouched(text, unescapes)) {
    const composed = text.normalize("NFC");
    if (composed === text) return text;
    text = composed;
  }
  return fixWithFtfy(text, { unescape_html: unescapes });
}

/**
 * ftfy's `fix_text`: undoes mojibake, width forms, curly quotes and the like, line by line, and HTML
 * references up to the first line with a "<". Lines that need nothing are told at once, so that plain
 * text costs no more than a look at each character.
 */
export function fixText(text: string): string {
  if (plainAscii.test(text) && !text.includes("&")) return text;
  let unescapes = true;
  let fixed = "";
  for (let start = 0; start < text.length;) {
    const lineEnd = text.indexOf("\n", start);
    const end = lineEnd < 0 ? text.length : lineEnd + 1;
    const line = text.slice(start, end);
    unescapes &&= !line.includes("<");
    fixed += fixLine(line, unescapes);
    start = end;
  }
  return fixed;
}
