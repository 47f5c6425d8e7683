// @ts-check

/**
 * What each side is made of, where it says so.
 * @param {readonly import("../measure/rounds.mjs").Timing[]} timings
 */
export const versionNotes = (timings) =>
  timings.flatMap(({ name, facts }) => {
    const detail = [facts["version"], facts["detail"]].filter(Boolean).join(", ");
    return detail === "" ? [] : [`${name}: ${detail}.`];
  });

/**
 * @param {number} share of a core
 */
export const idleNote = (share) =>
  `While one side was timed, the others together used ${(100 * share).toFixed(1)} % of a core.`;
