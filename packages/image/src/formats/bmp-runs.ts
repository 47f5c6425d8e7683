import type { Steps } from "@clip-ts/base";
import type { BmpHead } from "./bmp-head.ts";
import { refuse } from "./refuse.ts";

/** Commands that are done at a time. */
const commandsAtATime = 2 ** 16;

/** Where the reading of a file and the writing of its pixels stand. */
interface State {
  readonly bytes: Uint8Array;
  readonly width: number;
  /** Two numbers in a byte. */
  readonly isNarrow: boolean;
  readonly indices: Uint8Array;
  at: number;
  done: number;
  column: number;
}

/** The same number, or two in turn, over and over; no further than the row. */
function putRun(state: State, count: number, value: number): void {
  const { isNarrow, width, indices } = state;
  const fitting = Math.max(0, Math.min(count, width - state.column));
  const pair = isNarrow ? [value >> 4, value & 15] : [value, value];
  for (let index = 0; index < fitting; index++) indices[state.done++] = pair[index % 2]!;
  state.column += fitting;
}

/** Numbers as they stand; false if the file ends before. */
function putPlain(state: State, count: number): boolean {
  const { bytes, isNarrow, indices } = state;
  const length = isNarrow ? count >> 1 : count;
  const plain = bytes.subarray(state.at, state.at + length);
  for (const byte of plain) {
    if (isNarrow) indices[state.done++] = byte >> 4;
    indices[state.done++] = isNarrow ? byte & 15 : byte;
  }
  state.column += count;
  state.at += length;
  state.at += state.at % 2; // up to an even place of the file
  return plain.length === length;
}

/** Goes right and up; false if the file ends before. */
function move(state: State): boolean {
  const { bytes, width } = state;
  if (state.at + 2 > bytes.length) return false;
  state.done += bytes[state.at]! + bytes[state.at + 1]! * width;
  state.column = state.done % width;
  state.at += 2;
  return true;
}

/** Does one command; false if it was the last. */
function step(state: State): boolean {
  const { bytes, width } = state;
  const [count, value] = [bytes[state.at], bytes[state.at + 1]];
  state.at += 2;
  if (count === undefined || value === undefined) return false;
  if (count > 0) putRun(state, count, value);
  else if (value === 1) return false;
  else if (value === 2) return move(state);
  else if (value > 2) return putPlain(state, value);
  else {
    state.done = Math.ceil(state.done / width) * width;
    state.column = 0;
  }
  return true;
}

/** Numbers of colours from runs and plain stretches (RLE4, RLE8); rows as in the file. */
export function* expandRuns(bytes: Uint8Array, head: BmpHead): Steps<Uint8Array> {
  const { width, height, start, coding } = head;
  const indices = new Uint8Array(width * height);
  const isNarrow = coding === "rle4";
  const state: State = { bytes, width, isNarrow, indices, at: start, done: 0, column: 0 };
  for (let commands = 1; state.done < indices.length && step(state); commands++) {
    if (commands % commandsAtATime === 0) yield;
  }
  if (state.done >= indices.length) return indices;
  return refuse("the image file is truncated: pixels are missing");
}
