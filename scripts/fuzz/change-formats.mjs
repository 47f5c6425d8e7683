// @ts-check
// Changes that know a format: the fields by which its reader decides.
import { crc32 } from "node:zlib";
import { changeJson } from "./change-json.mjs";

/** @typedef {import("./random.mjs").Random} Random */
/** @typedef {import("./change-bytes.mjs").Change} Change */

/** Values of a field that are at an edge. @param {Random} random */
const edge = (random) => random.pick([0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, random.below(2 ** 31)]);

/** @param {Buffer} bytes @param {number} at @param {2 | 4} width @param {number} value */
function write(bytes, at, width, value) {
  if (at + width > bytes.length) return;
  if (width === 2) bytes.writeUInt16LE(value & 0xffff, at);
  else bytes.writeUInt32LE(value >>> 0, at);
}

/** @type {Change} */
export const json = (bytes, random) => Buffer.from(changeJson(bytes.toString("utf8"), random));

/** @type {Change} */
export const safetensors = (bytes, random) => {
  const length = Number(bytes.readBigUInt64LE(0));
  const data = bytes.subarray(8 + length);
  if (random.below(6) === 0) {
    const changed = Buffer.from(bytes);
    changed.writeBigUInt64LE(random.pick([0n, 1n, BigInt(length - 1), 1n << 40n, (1n << 64n) - 1n]));
    return changed;
  }
  const header = Buffer.from(changeJson(bytes.toString("utf8", 8, 8 + length), random));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([start, header, data]);
};

/** Signature of a record of a ZIP archive, and where its fields stand. */
const zipRecords = [
  { signature: "PK\u0001\u0002", short: [8, 10, 28, 30, 32], long: [20, 24, 42] },
  { signature: "PK\u0003\u0004", short: [6, 8, 26, 28], long: [14, 18, 22] },
  { signature: "PK\u0005\u0006", short: [8, 10, 20], long: [12, 16] },
];

/** @type {Change} */
export const zip = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const { signature, short, long } = random.pick(zipRecords);
  const places = [];
  for (let at = bytes.indexOf(signature); at >= 0; at = bytes.indexOf(signature, at + 4)) places.push(at);
  if (places.length === 0) return changed;
  const at = random.pick(places);
  if (random.below(2) === 0) write(changed, at + random.pick(short), 2, edge(random));
  else write(changed, at + random.pick(long), 4, edge(random));
  return changed;
};

/** Bytes of the pickle or of the arrays' headers, which lie unpacked. @type {Change} */
export const zipContent = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const found = [bytes.indexOf("\u0080\u0002", 0, "latin1"), bytes.indexOf("NUMPY"), bytes.indexOf("data.pkl")];
  const starts = found.filter((at) => at >= 0);
  const start = starts.length === 0 ? 0 : random.pick(starts);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = Math.min(bytes.length - 1, start + random.below(600));
    changed[at] = random.pick([...Buffer.from(".(])}tu0aeRbq\x85\x86K"), random.below(256)]);
  }
  return changed;
};

/** @type {Change} */
export const png = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const chunks = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) chunks.push(at);
  const at = random.pick(chunks.length === 0 ? [8] : chunks);
  const length = Math.min(bytes.readUInt32BE(at), bytes.length - at - 12);
  const how = random.below(5);
  if (how === 0) changed.writeUInt32BE(edge(random) >>> 0, at);
  else if (how === 1) changed[at + 4 + random.below(4)] = 0x41 + random.below(58);
  else if (how === 2) changed.writeUInt32BE(random.below(2 ** 32), Math.max(0, at + 8 + length));
  else if (length > 0) {
    changed[at + 8 + random.below(length)] = random.pick([0, 1, 0xff, random.below(256)]);
    const end = at + 8 + length; // the checksum fits again, so that the content is what is read
    changed.writeUInt32BE(crc32(changed.subarray(at + 4, end)), end);
  }
  return changed;
};

/** Where headers of a tar are, by their mark. @param {Buffer} bytes */
function tarHeaders(bytes) {
  const places = [];
  for (let at = 0; at + 512 <= bytes.length; at += 512)
    if (bytes.toString("latin1", at + 257, at + 262) === "ustar") places.push(at);
  return places;
}

/** Fields of a header, and values that its reader decides by. @type {readonly (readonly [at: number, length: number, values: readonly string[]])[]} */
const tarFields = [
  [0, 100, ["../../x.jpg", "/x.jpg", "", ".jpg", "x", "x.jpg", "a/b.c.d.e", "\u0000", "é.jpg", "C:\\x.jpg"]],
  [
    124,
    12,
    ["00000000000", "77777777777", "\u0080\u0000\u0000\u0000\u0000\u0000\u007f", "-1", "99", "", "00000000001 "],
  ],
  [156, 1, ["0", "1", "2", "3", "5", "7", "x", "g", "L", "K", "S", "V", "\u0000", "~"]],
  [345, 155, ["..", "folder", "/root"]],
  [257, 8, ["ustar  ", "USTAR", ""]],
  [482, 1, ["\u0001"]],
];

/** A field of a header; its checksum fits again, so that it counts. @type {Change} */
export const tar = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const at = random.pick(tarHeaders(bytes));
  const [start, length, values] = random.pick(tarFields);
  changed.fill(0, at + start, at + start + length);
  changed.write(random.pick(values), at + start, length, "latin1");
  changed.fill(0x20, at + 148, at + 156);
  const sum = changed.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, at + 148, "latin1");
  return changed;
};

/** Bytes of the footer, by which all else is found, or of a page's header. @type {Change} */
export const parquet = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const footer = bytes.readUInt32LE(bytes.length - 8);
  const start = Math.max(0, bytes.length - 8 - footer);
  if (random.below(8) === 0) write(changed, bytes.length - 8, 4, edge(random));
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(4) === 0 ? 4 + random.below(40) : start + random.below(Math.max(1, footer));
    if (at < bytes.length) changed[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, 0x15, 0x19, 0x2c, random.below(256)]);
  }
  return changed;
};

/** A number of a shard of MDS: how many samples, where one begins, how long its values are. @type {Change} */
export const mds = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const first = bytes.readUInt32LE(4);
  const at = random.below(3) === 0 ? first : 0;
  write(changed, at + 4 * random.below(7), 4, edge(random));
  return changed;
};

/** Pieces that end, open or confuse cells and lines. */
const tablePieces = [
  '"',
  '""',
  ",",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\n\n",
  "\u0000",
  "\uFEFF",
  "\\",
  "'",
  ";",
  "x".repeat(70_000),
];

/** @type {Change} */
export const table = (bytes, random) => {
  let changed = bytes;
  for (let changes = 1 + random.below(5); changes > 0; changes--) {
    const at = random.below(changed.length + 1);
    const piece = Buffer.from(random.pick(tablePieces));
    changed = Buffer.concat([changed.subarray(0, at), piece, changed.subarray(at + random.below(2))]);
  }
  return changed;
};

const anchors = "abcdefghi".split("");
const bomb = anchors.map((name, level) => {
  const inner = level === 0 ? "x" : `*${anchors[level - 1]}`;
  return `${name}: &${name} [${Array.from({ length: 9 }, () => inner).join(",")}]`;
});

/** Values and lines that YAML has and settings have not. */
const yamlValues = [
  "null",
  "~",
  "-1",
  "1e400",
  ".nan",
  ".inf",
  "0x7fffffff",
  "[]",
  "{}",
  "'",
  '"',
  "*none",
  "&a [*a]",
  "!!js/function x",
  "!!binary AA==",
  "2001-01-01",
  "|",
  "? a",
  "{1: 2}",
  "{? [a]: b}",
  "[".repeat(3000),
  "<<: *x",
  "@x",
  "`x`",
  "%x",
  "y",
  "no",
];
const yamlLines = [
  "\tsteps: 1",
  "steps: 2",
  "? [a, b]\n: c",
  "<<: {steps: 3}",
  "- x",
  "---",
  "...",
  "%YAML 9.9",
  "1: 2",
  "null: 3",
  "true: x",
  "__proto__: {a: 1}",
  bomb.join("\n"),
  "&x steps: *x",
  "#",
  "\u0000",
  "  :",
  ": x",
];

/** @type {Change} */
export const yaml = (bytes, random) => {
  const lines = bytes.toString("utf8").split("\n");
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(lines.length);
    const how = random.below(4);
    if (how === 0) lines.splice(at, 0, random.pick(yamlLines));
    else if (how === 1) lines.splice(at, 1);
    else if (how === 2) lines[at] = `${" ".repeat(random.below(4))}${lines[at]}`;
    else lines[at] = (lines[at] ?? "").replace(/:.*/u, () => `: ${random.pick(yamlValues)}`);
  }
  return Buffer.from(lines.join("\n"));
};

/** Lines of a text file that change their places, their ends or their content. @type {Change} */
export const lines = (bytes, random) => {
  const all = bytes.toString("utf8").split("\n");
  const at = random.below(all.length);
  const pieces = ["", "a", "a b c", "\u0000", " ", "x".repeat(100_000), all[random.below(all.length)] ?? ""];
  all.splice(at, random.below(3), random.pick(pieces));
  return Buffer.from(all.join("\n"));
};
