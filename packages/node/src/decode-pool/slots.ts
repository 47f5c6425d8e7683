import { ClipError } from "@clip-ts/base";
import type { PixelSlot } from "@clip-ts/data";

/** Memory for the pixels of a few batches, used again and again. */
export interface Slots {
  /** Waits until a slot is free; in the order of the calls. */
  acquire(rows: number): Promise<PixelSlot>;
  /** Frees a slot, once nobody writes to it. */
  release(slot: PixelSlot): void;
  /** The memory of a slot that is held, and `done` to be called when it is written. */
  write(slot: PixelSlot): { readonly memory: SharedArrayBuffer; done(): void };
  /** Rejects whoever waits, and whoever comes. */
  fail(error: Error): void;
}

interface Held {
  readonly memory: SharedArrayBuffer;
  writers: number;
  isReleased: boolean;
}

interface Waiting {
  readonly rows: number;
  resolve(slot: PixelSlot): void;
  reject(error: Error): void;
}

/** `count` slots for images of `bytesPerRow`; each is as large as the largest batch that it held. */
export function createSlots(count: number, bytesPerRow: number): Slots {
  const free: (SharedArrayBuffer | undefined)[] = Array.from({ length: count }, () => undefined);
  const held = new Map<PixelSlot, Held>();
  const waiting: Waiting[] = [];
  let failure: Error | undefined;

  const give = (rows: number): PixelSlot => {
    const bytes = rows * bytesPerRow;
    const before = free.pop();
    const memory = before !== undefined && before.byteLength >= bytes ? before : new SharedArrayBuffer(bytes);
    const slot: PixelSlot = { pixels: new Uint8ClampedArray(memory, 0, bytes) };
    held.set(slot, { memory, writers: 0, isReleased: false });
    return slot;
  };
  const heldBy = (slot: PixelSlot): Held => {
    const found = held.get(slot);
    if (found !== undefined && !found.isReleased) return found;
    throw new ClipError("bad-argument", "The slot is not one that `acquire` gave, or was released: acquire another");
  };
  const settle = (slot: PixelSlot, { memory, writers, isReleased }: Held): void => {
    if (writers > 0 || !isReleased) return;
    held.delete(slot);
    free.push(memory);
    const next = waiting.shift();
    next?.resolve(give(next.rows));
  };

  return {
    acquire(rows) {
      if (failure !== undefined) return Promise.reject(failure);
      if (free.length > 0) return Promise.resolve(give(rows));
      return new Promise((resolve, reject) => waiting.push({ rows, resolve, reject }));
    },
    release(slot) {
      const found = heldBy(slot);
      found.isReleased = true;
      settle(slot, found);
    },
    write(slot) {
      const found = heldBy(slot);
      found.writers += 1;
      const done = (): void => {
        found.writers -= 1;
        settle(slot, found);
      };
      return { memory: found.memory, done };
    },
    fail(error) {
      failure = error;
      for (const { reject } of waiting.splice(0)) reject(error);
    },
  };
}
