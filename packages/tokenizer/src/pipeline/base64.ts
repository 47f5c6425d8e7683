import { refuseFile } from "./json.ts";

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const valueOf = new Int8Array(128).fill(-1);
for (let value = 0; value < digits.length; value++) valueOf[digits.charCodeAt(value)] = value;

/** The bytes of a text in base64. @throws ClipError "bad-data" that names where it stands. */
export function decodeBase64(text: string, where: string): Uint8Array<ArrayBuffer> {
  const length = text.replace(/=+$/u, "").length;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let [bits, held, place] = [0, 0, 0];
  for (let index = 0; index < length; index++) {
    const value = valueOf[text.charCodeAt(index)] ?? -1;
    if (value < 0) return refuseFile(where, "base64", text.slice(0, 20));
    bits = ((bits << 6) | value) & 0xffffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[place++] = bits >> held;
  }
  return bytes;
}

/** Bytes as a text in base64. */
export function encodeBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let index = 0; index < bytes.length; index += 3) {
    const [first = 0, second, third] = bytes.subarray(index, index + 3);
    const bits = (first << 16) | ((second ?? 0) << 8) | (third ?? 0);
    const four = [18, 12, 6, 0].map((shift) => digits[(bits >> shift) & 63]!);
    if (second === undefined) four[2] = "=";
    if (third === undefined) four[3] = "=";
    parts.push(four.join(""));
  }
  return parts.join("");
}
