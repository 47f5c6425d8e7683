// @ts-check
// Changes of JSON that keep it JSON, mostly: values of other kinds, keys that go, come twice or nest.

/** @typedef {import("./random.mjs").Random} Random */

/** Stands in the tree for text that no value gives. */
const raw = "\u0001raw:";

/** @type {readonly ((random: Random) => unknown)[]} */
const hostile = [
  () => null,
  () => -1,
  () => 0,
  () => 1.5,
  () => 1e308,
  () => 2 ** 53 + 2,
  () => `${raw}1e400`,
  () => `${raw}-0`,
  () => `${raw}NaN`,
  () => "",
  () => "x",
  () => "1",
  () => "x".repeat(100_000),
  () => "\u0000\uFEFF\u{1F600}",
  () => true,
  () => [],
  () => ({}),
  () => [null],
  () => ({ __proto__: null, constructor: 1 }),
  () => Array.from({ length: 100_000 }, () => 1),
  () => `${raw}${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  () => `${raw}${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`,
  (random) => random.below(2 ** 31),
  (random) => -random.below(2 ** 31),
];

/** @typedef {{ holder: Record<string, unknown>, key: string }} Place */

/** @param {unknown} value @param {Place[]} places @returns {Place[]} */
function placesIn(value, places = []) {
  if (typeof value !== "object" || value === null) return places;
  const holder = /** @type {Record<string, unknown>} */ (value);
  for (const key of Object.keys(holder).slice(0, 400)) {
    places.push({ holder, key });
    placesIn(holder[key], places);
  }
  return places;
}

/** @param {Place} place @param {Random} random */
function changePlace({ holder, key }, random) {
  const how = random.below(10);
  if (how === 0) delete holder[key];
  else if (how === 1) holder[`${key}_`] = holder[key];
  else if (how === 2) holder[key] = [holder[key]];
  else if (how === 3 && typeof holder[key] === "number") holder[key] = -holder[key];
  else holder[key] = random.pick(hostile)(random);
}

/** @param {unknown} value @returns {string} */
function toText(value) {
  return JSON.stringify(value).replaceAll(/"\\u0001raw:([^"\\]*(?:\\.[^"\\]*)*)"/gu, (_, text) =>
    text.replaceAll('\\"', '"'),
  );
}

/**
 * The same JSON with one to three places changed.
 * @param {string} text
 * @param {Random} random
 * @returns {string}
 */
export function changeJson(text, random) {
  const tree = JSON.parse(text);
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const places = placesIn(tree);
    if (places.length > 0) changePlace(random.pick(places), random);
  }
  const changed = toText(tree);
  if (random.below(12) > 0) return changed;
  const twice = /"[\w.]+":(?:\d+|"[^"]*")/u.exec(changed)?.[0];
  return twice === undefined ? changed : changed.replace(twice, `${twice},${twice.replace(/:.*/u, ":7")}`);
}
