// How often a search for what is not in an index finds something, and how often one for what is there does, at settings
// of 1, 5 and 10 %. Indexes hold some of the quickstart's held-out drawings (Fluent Emoji); queries are their names and
// the names of others. Ways to tell what fits:
//
//   clip-ts    the cut-off of @clip-ts/search: best cosines of blends of generic captions
//   captions   the generic captions' own best cosines
//   low part   a normal distribution through the lower half of those, which captions that fit should not reach
//   z-norm     standard deviations of a query's best cosine above the mean of its cosines, by the same captions
//
// "absent" is the share of queries for what is not there that find something, "found" that of queries for what is there,
// "right" the share of the latter whose own drawing is among the ten that are shown. R@1 and R@10: without a cut-off.
// Between these ways was chosen by queries from every second group of emoji, the other groups are for the proof; blends
// as such had been thought out with all groups at hand.
//
//     node bench/nothing-fits.mjs [--model runs/quickstart/model] [--quick]
import { parseArgs } from "node:util";
import { randomStream } from "@clip-ts/base";
import { openClip } from "@clip-ts/node";
import { measureBackground, openFlatIndex } from "@clip-ts/search";
import { openEmoji } from "../apps/quickstart/dist/emoji/definition.js";
import { scoresOf } from "../packages/core/dist/index.js";
import { genericCaptions } from "../packages/search/dist/calibration/captions.js";
import { cutoffOf, leanOf } from "../packages/search/dist/calibration/cutoff.js";

const { values: given } = parseArgs({
  options: { model: { type: "string", default: "runs/quickstart/model" }, quick: { type: "boolean", default: false } },
});
const rates = [0.01, 0.05, 0.1];
const shown = 10;

const clip = await openClip(given.model);
const opened = await openEmoji({ kind: "emoji", vendors: ["fluent"], locales: ["en"] });
const records = opened.records.filter((_, row) => !given.quick || row % 16 === 0);
const kinds = [...new Set(records.map(({ group }) => group))];
const groupOf = records.map(({ group }) => kinds.indexOf(group));
const pictures = await clip.embedImages(records.map(({ path }) => path));
const names = await clip.embedTexts(records.map(({ captions }) => captions[0]));
const generic = await clip.embedTexts(genericCaptions);
clip.dispose();
const { dim } = pictures;
const all = records.map((_, row) => row);
/** [queries][pictures] cosines. */
const cosinesOf = (features) => Array.from({ length: features.rows }, (_, row) => scoresOf(features, row, pictures));
const nameCosines = cosinesOf(names);
const genericCosines = cosinesOf(generic);

/** Rows picked from features. */
function pick({ values }, rows) {
  const picked = new Float32Array(rows.length * dim);
  rows.forEach((row, place) => picked.set(values.subarray(row * dim, (row + 1) * dim), place * dim));
  return { values: picked, rows: rows.length, dim };
}

/** So many of these, drawn without putting back. */
function draw(list, count, ...path) {
  const { integer } = randomStream(1, ...path);
  const left = [...list];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(integer(left.length), 1)[0]);
}

/** The number that the share `rate` of a list exceeds. */
const exceededBy = (list, rate) => list.toSorted((a, b) => b - a)[Math.floor(rate * list.length)];

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

/** What a normal distribution with the median and the sixth part (one standard deviation below) of a list exceeds. */
function lowPart(list, rate) {
  const [median, low] = [exceededBy(list, 0.5), exceededBy(list, 0.8413)];
  const deviations = { 0.01: 2.3263, 0.05: 1.6449, 0.1: 1.2816 }[rate];
  return median + deviations * (median - low);
}

/** How cosines with the pictures of an index lie. */
function lieOf(cosines, inside) {
  const some = inside.map((row) => cosines[row]);
  const centre = mean(some);
  const deviation = Math.sqrt(mean(some.map((cosine) => (cosine - centre) ** 2)));
  return { best: Math.max(...some), mean: centre, deviation: Math.max(deviation, 1e-9) };
}

const zNorm = ({ best, mean, deviation }) => (best - mean) / deviation;

/** Of each way and rate, the least cosine that fits a query whose cosines lie so. */
async function cutoffsOf(inside, bank, bankCosines) {
  const index = await openFlatIndex({ dim, fields: {} });
  await index.add({ ids: inside.map(String), vectors: pick(pictures, inside), fields: inside.map(() => ({})) });
  const background = await measureBackground(index, { texts: async () => bank });
  await index.close();
  const lies = bankCosines.map((cosines) => lieOf(cosines, inside));
  const best = lies.map((lie) => lie.best);
  const standing = lies.map(zNorm);
  const constant = (cutoff) => () => cutoff;
  const every = {
    "clip-ts": (rate, lean) => constant(cutoffOf(background, { lean, rate })),
    captions: (rate) => constant(exceededBy(best, rate)),
    "low part": (rate) => constant(lowPart(best, rate)),
    "z-norm": (rate) => {
      const deviations = exceededBy(standing, rate);
      return (lie) => lie.mean + deviations * lie.deviation;
    },
  };
  return (way, rate, lean) => every[way](rate, lean);
}

const alone = { weights: [1], cosines: (row) => nameCosines[row] };

/** A query of two names with these weights, and its cosines. */
function combined(first, second) {
  const cosines = (row, other) => {
    const [a, b] = [pick(names, [row]).values, pick(names, [other]).values];
    const sum = a.map((value, k) => first * value + second * b[k]);
    const length = Math.hypot(...sum);
    return scoresOf({ values: sum.map((value) => value / length), rows: 1, dim }, 0, pictures);
  };
  return { weights: [first, second], cosines };
}

/** Asks for each row: is anything above each cut-off, and is its own picture among the first above it? */
function ask(rows, inside, shape, cutoffs) {
  return rows.map((row, place) => {
    const cosines = shape.cosines(row, rows[(place + 1) % rows.length]);
    const lie = lieOf(cosines, inside);
    const own = cosines[row];
    const rank = inside.filter((other) => cosines[other] > own).length;
    const verdicts = cutoffs.map((cutoff) => {
      const least = cutoff(lie);
      return { found: lie.best >= least, right: rank < shown && own >= least };
    });
    return { rank, verdicts };
  });
}

const percent = (share) => (Number.isNaN(share) ? "-" : (100 * share).toFixed(1)).padStart(6);
const share = (answers, at, key) => percent(mean(answers.map(({ verdicts }) => Number(verdicts[at][key]))));
const line = (answers, key) => rates.map((_, at) => share(answers, at, key)).join("");

const ways = ["clip-ts", "captions", "low part", "z-norm"];

/** A line for each way, of answers about what is absent and what is there. */
function print(label, absent, present) {
  for (const [at, way] of Object.keys(present).entries()) {
    const recall = (most) => percent(mean(present[way].map(({ rank }) => Number(rank < most))));
    const start = `${(at === 0 ? label : "").padEnd(30)}${way.padEnd(10)}`;
    const ceiling = at === 0 ? `${recall(1)}${recall(10)}` : "";
    console.log(
      `${start}${line(absent[way], "found")}  ${line(present[way], "found")}  ${line(present[way], "right")}  ${ceiling}`,
    );
  }
}

/** Asks in each split, and prints a line for each way with all splits together. */
async function measure(label, splits, { queries, shape = alone, bank, compared = ways }) {
  const lean = leanOf({ terms: shape.weights.map((weight) => ({ weight })) });
  const [absent, present] = [{}, {}];
  for (const [number, { inside, outside }] of splits.entries()) {
    const used = bank?.(inside, outside, number) ?? [];
    const unused = (row) => queries(row) && !used.includes(row);
    const [features, cosines] = bank
      ? [pick(names, used), used.map((row) => nameCosines[row])]
      : [generic, genericCosines];
    const cutoffs = await cutoffsOf(inside, features, cosines);
    for (const way of compared) {
      const ofWay = rates.map((rate) => cutoffs(way, rate, lean));
      (absent[way] ??= []).push(...ask(outside.filter(unused), inside, shape, ofWay));
      (present[way] ??= []).push(...ask(inside.filter(unused), inside, shape, ofWay));
    }
  }
  print(label, absent, present);
}

/** An index of so many pictures that a group has no part in, for each group. */
const withoutGroup = (size, groups) =>
  groups.map((group) => ({
    inside: draw(
      all.filter((row) => groupOf[row] !== group),
      size,
      "without",
      size,
      group,
    ),
    outside: all.filter((row) => groupOf[row] === group),
  }));

const withoutLabel = (size) => (size < 1800 ? `${size} without the group` : "all but the group");

/** Some pictures at random in an index, and all others outside. */
const atRandom = (size, count) =>
  Array.from({ length: count }, (_, number) => {
    const order = draw(all, all.length, "random", size, number);
    return { inside: order.slice(0, size), outside: order.slice(size) };
  });

/** Names instead of generic captions, of which this share is in the index. */
const namesWith = (there) => (inside, outside, number) => {
  const count = Math.min(336, Math.floor(all.length / 4));
  const within = Math.round(count * there);
  return [...draw(inside, within, "bank", number), ...draw(outside, count - within, "rest", number)];
};

const header = (title) => {
  const settings = rates.map(percent).join("");
  console.log(`\n${title}\n${" ".repeat(40)}${"absent".padEnd(20)}${"found".padEnd(20)}${"right".padEnd(20)}`);
  console.log(`${"index".padEnd(30)}${"way".padEnd(10)}${settings}  ${settings}  ${settings}     R@1  R@10`);
};

console.log(`${records.length} drawings, ${dim} features, ${given.model}; per cent`);
const numbers = kinds.map((_, group) => group);
const sizes = given.quick ? [20] : [20, 200, 900, 1800];
for (const odd of [0, 1]) {
  const groups = numbers.filter((group) => group % 2 === odd);
  const queries = (row) => groups.includes(groupOf[row]);
  const chosen = odd === 0 ? "Queries by which the way was chosen" : "Queries of the other groups";
  header(`${chosen}: ${groups.map((group) => kinds[group]).join(", ")}`);
  for (const size of sizes) {
    const splits = withoutGroup(size, groups);
    await measure(withoutLabel(size), splits, { queries });
    await measure(`${size} at random`, atRandom(size, Math.max(3, Math.round(60 / size))), { queries });
  }
}
const half = Math.floor(all.length / 2);
const queries = () => true;
header(`All queries: ${kinds.join(", ")}`);
for (const size of sizes) {
  const splits = withoutGroup(size, numbers);
  await measure(withoutLabel(size), splits, { queries, compared: ["clip-ts"] });
}
header("Half at random, with names of drawings for captions, of which a share is in the index");
for (const there of [0, 0.3, 0.6, 0.9]) {
  const settings = { queries, bank: namesWith(there), compared: ["clip-ts", "captions", "low part"] };
  await measure(`${percent(there)} % there`, atRandom(half, given.quick ? 1 : 3), settings);
}
header("Queries that combine; neither is there, or both are: right is the first");
const apart = withoutGroup(half, given.quick ? [0] : numbers);
for (const [label, second] of [
  ["A + B", 1],
  ["A + 0.5 B", 0.5],
  ["A - 0.5 B", -0.5],
  ["A - B", -1],
]) {
  await measure(label, apart, { queries, shape: combined(1, second), compared: ["clip-ts"] });
}
