// @ts-check
import { setTimeout } from "node:timers/promises";
import { milliseconds as shownMilliseconds } from "../report/figures.mjs";
import { startSide } from "./side.mjs";

/**
 * @typedef {import("./side.mjs").Json} Json
 * @typedef {import("./side.mjs").Side} Side
 * @typedef {import("./side.mjs").SideSpec} SideSpec
 * @typedef {object} Timing
 * @property {string} name
 * @property {Json} facts
 * @property {number} prepareMilliseconds
 * @property {number} firstMilliseconds the first run, with whatever is compiled then
 * @property {number[]} milliseconds of the rounds that count
 * @property {number[]} userMilliseconds of processor time in them, all threads together; empty for a side
 *   that does not give it
 * @property {number[]} cpuMilliseconds the same with the system's work, and with processes that the side started
 * @property {any[]} shown what each run gave to compare, warm-up included
 * @property {number | undefined} peakBytes of the whole life of the process
 * @property {number | undefined} roundPeakBytes of the rounds that count
 * @typedef {object} Rounds
 * @property {number} rounds
 * @property {number} warmup
 * @property {number} settle pause before each side, in milliseconds: threads of the side before it go to
 *   sleep meanwhile
 * @property {Json} [request] sent to each side
 * @property {(line: string) => void} note
 */

/** CPU seconds that the sides used while others were timed, over all rounds, and these' length. */
class Idleness {
  used = 0;
  elapsed = 0;
  get share() {
    return this.elapsed === 0 ? 0 : this.used / this.elapsed;
  }
}

/**
 * One run of one side, while the others should sleep.
 * @param {Side} side
 * @param {readonly Side[]} sides
 * @param {Json} request
 * @param {Idleness} idleness
 */
async function timeSide(side, sides, request, idleness) {
  const others = sides.filter((other) => other !== side);
  const usedByOthers = () => others.reduce((sum, other) => sum + other.cpuSeconds(), 0);
  const before = usedByOthers();
  const outcome = await side.run(request);
  idleness.used += usedByOthers() - before;
  idleness.elapsed += outcome.milliseconds / 1000;
  return outcome;
}

/**
 * Starts sides one after another; one that does not start is told of and left out.
 * @param {readonly SideSpec[]} specs
 * @param {(line: string) => void} note
 */
export async function startSides(specs, note) {
  /** @type {Side[]} */
  const sides = [];
  for (const spec of specs) {
    note(`preparing ${spec.name}`);
    try {
      sides.push(await startSide(spec));
    } catch (error) {
      note(`skipped: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return sides;
}

/**
 * Adds one run to a side's figures.
 * @param {Timing} timing
 * @param {import("./side.mjs").Outcome} outcome
 * @param {{ isFirst: boolean, isWarmup: boolean }} place
 */
function keep(timing, { milliseconds, userMilliseconds, cpuMilliseconds, shown }, { isFirst, isWarmup }) {
  timing.shown.push(shown);
  if (isFirst) timing.firstMilliseconds = milliseconds;
  if (isWarmup) return;
  timing.milliseconds.push(milliseconds);
  if (userMilliseconds !== undefined) timing.userMilliseconds.push(userMilliseconds);
  if (cpuMilliseconds !== undefined) timing.cpuMilliseconds.push(cpuMilliseconds);
}

/**
 * Each side once. A side that fails, for want of memory perhaps, is told of and left out.
 * @param {Map<Side, Timing>} timings
 * @param {Json} request
 * @param {Rounds} settings
 * @param {Idleness} idleness
 */
async function playRound(timings, request, { rounds, warmup, settle, note }, idleness) {
  const { round } = request;
  const place = { isFirst: round === 0, isWarmup: round < warmup };
  const label = place.isWarmup ? "warm-up" : `round ${round - warmup + 1} of ${rounds}`;
  for (const [side, timing] of rotated([...timings], round)) {
    await setTimeout(settle);
    try {
      const outcome = await timeSide(side, [...timings.keys()], request, idleness);
      keep(timing, outcome, place);
      note(`${label}: ${side.name} ${shownMilliseconds(outcome.milliseconds)} ms`);
    } catch (error) {
      timings.delete(side);
      note(`left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/**
 * Interleaves the sides. Each round begins with another side, so that none always comes first.
 * @param {readonly Side[]} sides
 * @param {Rounds} settings
 * @returns {Promise<{ timings: Timing[], idleShare: number }>}
 */
export async function interleave(sides, settings) {
  const { rounds, warmup, request } = settings;
  /** @type {Map<Side, Timing>} */
  const timings = new Map(sides.map((side) => [side, emptyTiming(side)]));
  const idleness = new Idleness();
  for (let round = 0; round < warmup + rounds; round++) {
    if (round === warmup) for (const [side, timing] of timings) forgetPeak(side, timing);
    await playRound(timings, { ...request, round }, settings, idleness);
  }
  for (const [side, timing] of timings) {
    timing.roundPeakBytes = side.peakBytes();
    timing.peakBytes = Math.max(timing.peakBytes ?? 0, timing.roundPeakBytes ?? 0) || undefined;
  }
  return { timings: [...timings.values()], idleShare: idleness.share };
}

/**
 * @param {Side} side
 * @returns {Timing}
 */
function emptyTiming({ name, facts, prepareMilliseconds }) {
  return {
    name,
    facts,
    prepareMilliseconds,
    firstMilliseconds: 0,
    milliseconds: [],
    userMilliseconds: [],
    cpuMilliseconds: [],
    shown: [],
    peakBytes: undefined,
    roundPeakBytes: undefined,
  };
}

/**
 * From here on only the peak of what follows is asked for.
 * @param {Side} side
 * @param {Timing} timing
 */
function forgetPeak(side, timing) {
  timing.peakBytes = side.peakBytes();
  side.forgetPeak();
}

/**
 * The same items, beginning with another.
 * @template Item
 * @param {readonly Item[]} items
 * @param {number} by
 */
export function rotated(items, by) {
  const first = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
