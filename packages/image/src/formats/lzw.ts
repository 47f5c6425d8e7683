import type { Steps } from "@clip-ts/base";
import { refuse } from "./refuse.ts";

/** Codes of a GIF that are read at a time. */
const codesAtATime = 2 ** 18;

/** Gives codes of a changing number of bits, the lowest first; undefined after the last whole one. */
function codeReader(data: Uint8Array): (bits: number) => number | undefined {
  let at = 0;
  let held = 0;
  let heldBits = 0;
  return (bits) => {
    while (heldBits < bits) {
      if (at === data.length) return undefined;
      held |= data[at++]! << heldBits;
      heldBits += 8;
    }
    const code = held & (2 ** bits - 1);
    held >>>= bits;
    heldBits -= bits;
    return code;
  };
}

/** The lengths of the strings that codes stand for. */
interface Dictionary {
  /** The length of the code's string, after which one more is known; undefined for no string. */
  take(code: number): number | undefined;
  clear(): void;
  /** Bits of the next code. */
  bits(): number;
}

function dictionaryOf(firstBits: number): Dictionary {
  const clearCode = 2 ** firstBits;
  const lengths = new Uint32Array(4096).fill(1);
  let bits = firstBits + 1;
  let known = clearCode + 2;
  let previous: number | undefined;
  const learn = (last: number): void => {
    if (known === 4096) return;
    lengths[known++] = lengths[last]! + 1;
    if (known === 2 ** bits && bits < 12) bits++;
  };
  return {
    take(code) {
      if (code > known || (previous === undefined && code > clearCode)) return undefined;
      if (previous !== undefined) learn(previous);
      previous = code;
      return lengths[code]!;
    },
    clear() {
      bits = firstBits + 1;
      known = clearCode + 2;
      previous = undefined;
    },
    bits: () => bits,
  };
}

/**
 * Throws "bad-data" unless the compressed data of a GIF hold `count` pixels. It follows the lengths of
 * strings only (Welch 1984, as in GIF89a, appendix F): decoders leave what is missing blank.
 */
export function* checkLzw(data: Uint8Array, firstBits: number, count: number): Steps<void> {
  if (firstBits > 11) refuse(`the GIF has codes of ${firstBits} bits to begin with`);
  const next = codeReader(data);
  const dictionary = dictionaryOf(firstBits);
  const clear = 2 ** firstBits;
  const readCode = (): number => {
    const code = next(dictionary.bits());
    if (code === clear) dictionary.clear();
    if (code === clear) return 0;
    if (code === undefined || code === clear + 1) return refuse("the image file is truncated");
    return dictionary.take(code) ?? refuse("the GIF is broken: a code stands for nothing");
  };
  for (let pixels = 0, codes = 1; pixels < count; codes++) {
    pixels += readCode();
    if (codes % codesAtATime === 0) yield;
  }
}
