// @ts-check
import { median } from "../measure/statistics.mjs";
import { milliseconds, rate, ratio } from "./figures.mjs";

/** @typedef {import("../measure/rounds.mjs").Timing} Timing */

/**
 * Milliseconds of processor time of a round.
 * @param {Timing} timing
 */
export const cpuOf = ({ cpuMilliseconds }) => median(cpuMilliseconds);

/**
 * MB a second of a side that says how many bytes it read.
 * @param {Timing} timing
 */
export function megabytesPerSecond({ shown, milliseconds: taken }) {
  const bytes = shown.at(-1)?.bytes;
  return bytes === undefined ? undefined : bytes / 1000 / median(taken);
}

/**
 * A line for each side of each part.
 * @param {readonly import("../commands/data.mjs").Measured[]} measured
 */
export function dataRows(measured) {
  const head = ["", "threads", "per s", "per core", "cpu ms", "MB/s", "clip-ts is"];
  const body = measured.flatMap(({ part, threads, count, timings }) => {
    const ours = timings.find(({ name }) => name === "clip-ts");
    return timings.map((timing) => {
      const speed = megabytesPerSecond(timing);
      return [
        `${part}: ${timing.name}`,
        String(threads),
        rate((1000 * count) / median(timing.milliseconds)),
        rate((1000 * count) / cpuOf(timing)),
        milliseconds(cpuOf(timing) / count),
        speed === undefined ? "" : rate(speed),
        ours === undefined || ours === timing ? "" : ratio(cpuOf(timing) / cpuOf(ours)),
      ];
    });
  });
  return [head, ...body];
}
