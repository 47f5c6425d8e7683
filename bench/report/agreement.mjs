// @ts-check
import { largestDifference } from "../measure/statistics.mjs";

/**
 * Whether all sides gave what the first of them gave.
 * @param {readonly { name: string, values: readonly number[] }[]} sides
 * @param {{ what: string, limit: number }} expected
 * @returns {{ holds: boolean, largest: number, text: string }}
 */
export function agreementOf([first, ...others], { what, limit }) {
  if (first === undefined || others.length === 0) {
    return { holds: true, largest: 0, text: `There are no two sides whose ${what} could differ.` };
  }
  const differences = others.map(({ name, values }) => ({
    name,
    difference: largestDifference(first.values, values),
  }));
  const largest = Math.max(...differences.map(({ difference }) => difference));
  const listed = differences.map(({ name, difference }) => `${name} ${difference.toExponential(1)}`);
  const holds = largest <= limit;
  const verdict = holds ? "" : ` THAT IS MORE THAN ${limit}: THE SIDES DO NOT DO THE SAME WORK.`;
  const subject = `Largest difference of ${what} from ${first.name}'s`;
  return { holds, largest, text: `${subject}: ${listed.join(", ")}.${verdict}` };
}

/**
 * Whether every comparison holds.
 * @param {...({ holds: boolean } | undefined)} agreements
 */
export const allHold = (...agreements) => ({
  holds: agreements.every((agreement) => agreement?.holds !== false),
});

/**
 * Whether a peer gave the same lists of ids.
 * @param {{ name: string, rows: readonly (readonly number[])[] }} ours
 * @param {{ name: string, rows: readonly (readonly number[])[] }} peer
 * @param {(row: number) => boolean} counts which rows must be equal
 * @returns {{ holds: boolean, text: string }}
 */
export function equalRows(ours, peer, counts) {
  const isEqual = ours.rows.map((row, index) => row.join() === peer.rows[index]?.join());
  const equal = isEqual.filter(Boolean).length;
  const wrong = isEqual.filter((same, index) => !same && counts(index)).length;
  const verdict = wrong === 0 ? "" : ` ${wrong} OF THE OTHERS SHOULD BE EQUAL.`;
  const text = `${peer.name}: ${equal} of ${isEqual.length} captions have the ids of clip-ts.${verdict}`;
  return { holds: wrong === 0, text };
}
