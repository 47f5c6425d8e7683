import type { Steps } from "../turns.ts";
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

/**
 * Throws "bad-data" unless the compressed data of a GIF hold `count` pixels. It follows the lengths of
 * strings only (Welch 1984, as in GIF89a, appendix F): decoders leave what is missing blank.
 */
export function* checkLzw(data: Uint8Array, firstBits: number, count: number): Steps<void> {
  if (firstBits > 11) refuse(`the GIF has codes of ${firstBits} bits to begin with`);
  const next = codeReader(data);
  const clear = 2 ** firstBits;
  const lengths = new Uint32Array(4096).fill(1);
  let bits = firstBits + 1;
  let known = clear + 2;
  let previous: number | undefined;
  let codes = 0;
  for (let pixels = 0; pixels < count;) {
    const code = next(bits);
    if (code === undefined || code === clear + 1) {
      return refuse(`the image file is truncated: ${pixels} of ${count} pixels`);
    }
    if (++codes % codesAtATime === 0) yield;
    if (code === clear) {
      bits = firstBits + 1;
      known = clear + 2;
      previous = undefined;
      continue;
    }
    if (code > known || (previous === undefined && code > clear)) {
      return refuse("the GIF is broken: a code stands for nothing");
    }
    if (previous !== undefined && known < 4096) {
      lengths[known++] = lengths[previous]! + 1;
      if (known === 2 ** bits && bits < 12) bits++;
    }
    pixels += lengths[code]!;
    previous = code;
  }
}
