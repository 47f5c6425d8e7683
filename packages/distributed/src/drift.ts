import { ClipError } from "@clip-ts/base";
import type { Communicator } from "./communicator.ts";
import type { NamedArray, NamedArrays } from "./exchange.ts";

/** 2^32 divided by the golden ratio, odd: multiplying by it mixes all bits upwards (Knuth, TAOCP 3, 6.4). */
const golden = 0x9e3779b1;

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, golden);
  return mixed ^ (mixed >>> 15);
};

/** A hash of 32 bits, which any change of one element changes. */
function hashOf(data: NamedArray["data"]): number {
  const isWords = data.BYTES_PER_ELEMENT === 4;
  const words = isWords ? new Int32Array(data.buffer, data.byteOffset, data.length) : data;
  // four at a time, which do not wait for each other
  let [a, b, c, d] = [1, 2, 3, 4];
  const whole = words.length - (words.length % 4);
  for (let index = 0; index < whole; index += 4) {
    a = mix(a, words[index] as number);
    b = mix(b, words[index + 1] as number);
    c = mix(c, words[index + 2] as number);
    d = mix(d, words[index + 3] as number);
  }
  for (let index = whole; index < words.length; index += 1) a = mix(a, words[index] as number);
  return mix(mix(mix(mix(words.length, a), b), c), d);
}

/** Ranks with the same hash, as messages list them: "ranks 0, 2 and ranks 1". */
function campsOf(hashes: Int32Array): string {
  const camps = new Map<number, number[]>();
  for (const [rank, hash] of hashes.entries()) camps.set(hash, [...(camps.get(hash) ?? []), rank]);
  return [...camps.values()].map((ranks) => `ranks ${ranks.join(", ")}`).join(" and ");
}

/**
 * Checks that all ranks have the same parameters, to the bit: hashes of every array, compared by their maximum and
 * minimum. All ranks call it, with the same names. Costs a pass over the arrays and one small call.
 * @throws ClipError "diverged" on every rank, naming a parameter and the ranks that agree on it.
 */
export async function checkDrift({ rank, size, reduce, gather }: Communicator, params: NamedArrays): Promise<void> {
  const names = Object.keys(params).toSorted();
  const hashes = names.map((name) => hashOf((params[name] as NamedArray).data));
  // halves of 16 bits, which floats hold exactly; the maximum of the negative is the minimum
  const halves = hashes.flatMap((hash) => [hash >>> 16, hash & 0xffff]);
  const most = Float32Array.from([...halves, ...halves.map((half) => -half)]);
  await reduce(most, "max");
  const differs = halves.findIndex((_, index) => most[index] !== -(most[halves.length + index] as number));
  if (differs === -1) return;
  const at = Math.floor(differs / 2);
  const all = new Int32Array(size);
  all[rank] = hashes[at] as number;
  await gather(all);
  const [name, camps] = [names[at] as string, campsOf(all)];
  const message =
    `The ranks no longer have the same parameters: "${name}" differs between ${camps}. ` +
    "Resume from the last checkpoint; if it comes again, one of the machines computes something else.";
  throw new ClipError("diverged", message, { data: { name, hashes: [...all] } });
}
