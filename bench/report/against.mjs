// @ts-check
// Two trees beside each other: what each costs, and whether they computed the same.
import { median } from "../measure/statistics.mjs";
import { gibibytes, milliseconds, seconds } from "./figures.mjs";

/**
 * @typedef {import("../measure/rounds.mjs").Timing} Timing
 * @typedef {object} Tree
 * @property {Timing} timing
 * @property {readonly number[]} builds milliseconds, one of each process that was started
 * @typedef {object} Pair
 * @property {string} name engine and precision
 * @property {Tree | undefined} before the other revision; undefined where it did not run
 * @property {Tree | undefined} now this tree
 * @typedef {object} Cost
 * @property {string} what with its unit
 * @property {number} atMost how many times what it was before it may be
 * @property {(value: number) => string} shown
 * @property {(tree: Tree) => readonly number[]} values one a round, one a start, or one of all
 */

/** What a change to the step may cost. @type {readonly Cost[]} */
const costs = [
  {
    what: "wall ms",
    atMost: 1.05,
    shown: milliseconds,
    values: ({ timing }) => timing.milliseconds,
  },
  {
    what: "user ms",
    atMost: 1.02,
    shown: milliseconds,
    values: ({ timing }) => timing.userMilliseconds,
  },
  {
    what: "peak GiB",
    atMost: 1.02,
    shown: gibibytes,
    values: ({ timing: { peakBytes } }) => (peakBytes === undefined ? [] : [peakBytes]),
  },
  { what: "build s", atMost: 1.1, shown: seconds, values: ({ builds }) => builds },
];

/**
 * The smallest and largest ratio of what was measured together.
 * @param {readonly number[]} now
 * @param {readonly number[]} before
 */
function spread(now, before) {
  if (now.length < 2 || now.length !== before.length) return "";
  const ratios = now.map((value, index) => value / (before[index] ?? Number.NaN));
  return `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
}

/**
 * @param {Pair} pair
 * @param {Cost} cost
 */
function rowOf({ name, before, now }, { what, atMost, shown, values }) {
  const label = `${name} ${what}`;
  const [old, own] = [before, now].map((tree) => (tree === undefined ? [] : values(tree)));
  const wanted = `<= ${atMost}x`;
  if (!old?.length || !own?.length) return [label, "-", "-", "-", "", wanted, "-"];
  const ratio = median(own) / median(old);
  const verdict = ratio <= atMost ? "held" : "missed";
  const figures = [shown(median(old)), shown(median(own)), `${ratio.toFixed(3)}x`, spread(own, old)];
  return [label, ...figures, wanted, verdict];
}

/**
 * Four rows for each pair: medians, their ratio, and that of single rounds.
 * @param {readonly Pair[]} pairs
 */
export const againstRows = (pairs) => [
  ["", "before", "now", "ratio", "single", "wanted", ""],
  ...pairs.flatMap((pair) => costs.map((cost) => rowOf(pair, cost))),
];

/** @typedef {{ loss: number, gradNorm: number }} Shown */

/**
 * Whether both trees gave the same losses and lengths of gradients, bit for bit, in every step.
 * @param {Pair} pair
 * @returns {{ holds: boolean, text: string }}
 */
export function sameBits({ name, before, now }) {
  if (before === undefined || now === undefined) {
    const missing = before === now ? "neither tree" : before === undefined ? "only now" : "only before";
    return { holds: false, text: `${name}: ${missing} ran: NOTHING TO COMPARE.` };
  }
  /** @type {readonly [readonly Shown[], readonly Shown[]]} */
  const [old, own] = [before.timing.shown, now.timing.shown];
  /** @param {keyof Shown} key */
  const firstOther = (key) => own.findIndex((shown, step) => !Object.is(shown[key], old[step]?.[key]));
  const differing = /** @type {const} */ (["loss", "gradNorm"]).flatMap((key) => {
    const step = firstOther(key);
    if (step < 0) return [];
    return [`${key} ${old[step]?.[key]} became ${own[step]?.[key]} in step ${step + 1}`];
  });
  const holds = differing.length === 0 && old.length === own.length;
  const verdict = holds
    ? `losses and lengths of gradients of ${own.length} steps are the same, bit for bit.`
    : `THE STEPS ARE NOT THE SAME: ${differing.join("; ") || "not as many"}.`;
  return { holds, text: `${name}: ${verdict}` };
}
