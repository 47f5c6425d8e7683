// @ts-check
// The figures that this project has set itself for data: what was measured, and whether it holds.
import { ratio } from "../report/figures.mjs";
import { cpuOf, megabytesPerSecond } from "../report/data-rows.mjs";

/**
 * @typedef {import("./data.mjs").Measured} Measured
 * @typedef {object} Target
 * @property {string} what
 * @property {string} against
 * @property {string} wanted
 * @property {(measured: readonly Measured[]) => { shown: string, holds: boolean | undefined } | undefined} judge
 *   nothing if a side was not there; no verdict where none is asked for
 */

/**
 * @param {readonly Measured[]} measured
 * @param {{ size: string, part: string, side: string }} wanted
 */
const timingOf = (measured, { size, part, side }) =>
  measured
    .find((each) => each.size === size && each.part === part && each.threads === 1)
    ?.timings.find(({ name }) => name === side);

/**
 * Images of decode, crop and resize for a second of processor time, as a multiple of a peer's.
 * @param {{ size: string, ours?: string, peer: string, against: string, atLeast?: number }} row
 * @returns {Target}
 */
const crops = ({ size, ours = "clip-ts", peer, against, atLeast }) => ({
  what: `crop, ${size} px${ours === "clip-ts" ? "" : ", exact"}`,
  against,
  wanted: atLeast === undefined ? "-" : `>= ${atLeast}x`,
  judge(measured) {
    const [mine, theirs] = [ours, peer].map((side) => timingOf(measured, { size, part: "crop", side }));
    if (mine === undefined || theirs === undefined) return undefined;
    const times = cpuOf(theirs) / cpuOf(mine);
    return { shown: ratio(times), holds: atLeast === undefined ? undefined : times >= atLeast };
  },
});

/**
 * @param {string} side
 * @param {number} [atLeast]
 * @returns {Target}
 */
const reading = (side, atLeast) => ({
  what: `reading tars, ${side === "clip-ts" ? side : "tar-stream"}`,
  against: "-",
  wanted: atLeast === undefined ? "-" : `>= ${atLeast} MB/s`,
  judge(measured) {
    const timing = timingOf(measured, { size: "256-350", part: "read", side });
    const speed = timing && megabytesPerSecond(timing);
    if (speed === undefined) return undefined;
    return { shown: `${speed.toFixed(0)} MB/s`, holds: atLeast === undefined ? undefined : speed >= atLeast };
  },
});

const sharp = { peer: "tar-stream, sharp", against: "sharp alone" };
const openClip = { peer: "open_clip", against: "open_clip" };

/** @type {readonly Target[]} */
const targets = [
  crops({ size: "256-350", ...sharp, atLeast: 0.9 }),
  crops({ size: "256-350", ours: "clip-ts exact", ...sharp }),
  crops({ size: "256-350", ...openClip }),
  crops({ size: "640-800", ...openClip, atLeast: 1 }),
  crops({ size: "1200", ...openClip, atLeast: 1 }),
  reading("clip-ts", 200),
  reading("tar-stream, sharp"),
];

/** @param {boolean | undefined} holds */
const verdictOf = (holds) => (holds === undefined ? "-" : holds ? "reached" : "missed");

/**
 * A row for each target.
 * @param {readonly Measured[]} measured
 */
export function dataTargets(measured) {
  const body = targets.map(({ what, against, wanted, judge }) => {
    const judged = judge(measured);
    return [what, against, judged?.shown ?? "-", wanted, judged === undefined ? "no figure" : verdictOf(judged.holds)];
  });
  return [["", "against", "measured", "wanted", ""], ...body];
}
