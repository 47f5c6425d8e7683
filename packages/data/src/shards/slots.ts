import { closedError } from "../prefetch.ts";
import type { PixelSlot, SampleWorkers } from "./sample-workers.ts";

/** Memory for batches: a limited number of slots, made when needed and used again. */
export interface Slots extends Pick<SampleWorkers, "acquire" | "release"> {
  /** Those who wait are refused. */
  close(): void;
}

interface Waiting {
  readonly rows: number;
  give(slot: PixelSlot): void;
  refuse(error: Error): void;
}

/** So many slots, of images of `bytes`; who waits gets one in the order of the calls. */
export function createSlots(count: number, bytes: number): Slots {
  const waiting: Waiting[] = [];
  const lent = new Set<PixelSlot>();
  let spare: Uint8ClampedArray[] = [];
  let isClosed = false;
  const lend = (rows: number): PixelSlot => {
    const length = rows * bytes;
    const pixels = spare.find((other) => other.length === length) ?? new Uint8ClampedArray(length);
    spare = spare.filter((other) => other !== pixels && other.length === length);
    const slot = { pixels }; // another one each time: who releases one twice takes nothing from others
    lent.add(slot);
    return slot;
  };
  return {
    async acquire(rows) {
      if (isClosed) throw closedError();
      if (lent.size < count) return lend(rows);
      return new Promise((give, refuse) => waiting.push({ rows, give, refuse }));
    },
    release(slot) {
      if (!lent.delete(slot)) return;
      spare.push(slot.pixels);
      const next = waiting.shift(); // gets it before anybody who asks later
      next?.give(lend(next.rows));
    },
    close() {
      isClosed = true;
      for (const { refuse } of waiting.splice(0)) refuse(closedError());
    },
  };
}
