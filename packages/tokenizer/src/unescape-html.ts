import { decodeHTML } from "entities/decode";

/** A character reference as Python's html.unescape finds it: the semicolon may be missing. */
const reference = /&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)/g;

/**
 * Decodes HTML character references as Python's `html.unescape` does: the HTML5 table, and
 * references to control characters and noncharacters vanish.
 */
export function unescapeHtml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(reference, (found) =>
    found.startsWith("&#") && isInvalid(codePointOf(found)) ? "" : decodeHTML(found),
  );
}

function codePointOf(found: string): number {
  const isHex = found[2] === "x" || found[2] === "X";
  return isHex ? Number.parseInt(found.slice(3), 16) : Number.parseInt(found.slice(2), 10);
}

/** True for the code points that Python drops. Those of C1 stand for Windows-1252 and stay. */
function isInvalid(codePoint: number): boolean {
  const isControl =
    (codePoint >= 0x01 && codePoint <= 0x08) ||
    codePoint === 0x0b ||
    (codePoint >= 0x0e && codePoint <= 0x1f) ||
    codePoint === 0x7f;
  return isControl || isNoncharacter(codePoint);
}

function isNoncharacter(codePoint: number): boolean {
  if (codePoint > 0x10ffff) return false;
  return (codePoint >= 0xfdd0 && codePoint <= 0xfdef) || (codePoint & 0xfffe) === 0xfffe;
}
