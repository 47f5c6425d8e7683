// @ts-check
import { median } from "../measure/statistics.mjs";
import { milliseconds, rate, ratio, seconds } from "./figures.mjs";

/** @typedef {import("../measure/rounds.mjs").Timing} Timing */

/**
 * Things a second for each side of each part, and how many times as fast as each peer the fastest clip-ts is.
 * @param {readonly { part: string, count: number, timings: readonly Timing[] }[]} parts
 */
export function throughputRows(parts) {
  const head = ["", "per s", "ms", "range", "first s", "clip-ts is"];
  const body = parts.flatMap(({ part, count, timings }) => {
    const best = bestOf(timings);
    return timings.map((timing) => {
      const middle = median(timing.milliseconds);
      return [
        `${part}: ${timing.name}`,
        rate((1000 * count) / middle),
        milliseconds(middle),
        `${milliseconds(Math.min(...timing.milliseconds))}-${milliseconds(Math.max(...timing.milliseconds))}`,
        seconds(timing.firstMilliseconds),
        best === undefined || isOurs(timing) ? "" : ratio(middle / median(best.milliseconds)),
      ];
    });
  });
  return [head, ...body];
}

/** @param {Timing} timing */
const isOurs = ({ name }) => name.startsWith("clip-ts");

/**
 * The fastest side of clip-ts.
 * @param {readonly Timing[]} timings
 * @returns {Timing | undefined}
 */
export const bestOf = (timings) =>
  timings.filter(isOurs).toSorted((a, b) => median(a.milliseconds) - median(b.milliseconds))[0];
