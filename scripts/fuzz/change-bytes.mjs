// @ts-check
// Changes that know nothing of a format. Each takes bytes and gives others.

/** @typedef {import("./random.mjs").Random} Random */
/** @typedef {(bytes: Buffer, random: Random) => Buffer} Change */

/** @type {Change} */
const flipBits = (bytes, random) => {
  const changed = Buffer.from(bytes);
  for (let flips = 1 + random.below(8); flips > 0; flips--) {
    const at = random.below(bytes.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
  }
  return changed;
};

/** @type {Change} */
const truncate = (bytes, random) => bytes.subarray(0, random.below(bytes.length));

/** @type {(bytes: Buffer, random: Random) => Buffer} */
function someOf(bytes, random) {
  const start = random.below(bytes.length);
  return bytes.subarray(start, start + 1 + random.below(Math.min(4096, bytes.length)));
}

/** @type {Change} */
const splice = (bytes, random) => {
  const at = random.below(bytes.length);
  const part = someOf(bytes, random);
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + part.length)]);
};

/** @type {Change} */
const repeat = (bytes, random) => {
  const at = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), someOf(bytes, random), bytes.subarray(at)]);
};

/** @type {Change} */
const remove = (bytes, random) => {
  const at = random.below(bytes.length);
  const end = at + 1 + random.below(Math.min(512, bytes.length));
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
};

/** @type {Change} */
const blank = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const at = random.below(bytes.length);
  return changed.fill(random.pick([0, 0xff]), at, Math.min(bytes.length, at + 1 + random.below(1024)));
};

/** The first kilobyte holds most of what a reader decides by. @type {Change} */
const nearStart = (bytes, random) => {
  const changed = Buffer.from(bytes);
  const at = random.below(Math.min(1024, bytes.length));
  changed[at] = random.pick([0, 0x7f, 0x80, 0xff, random.below(256)]);
  return changed;
};

/** @type {Change} */
const append = (bytes, random) => Buffer.concat([bytes, Buffer.alloc(1 + random.below(64), 0x41)]);

/** @type {readonly Change[]} */
export const byteChanges = [flipBits, flipBits, truncate, splice, repeat, remove, blank, nearStart, append];
