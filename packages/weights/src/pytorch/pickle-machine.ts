import { ClipError } from "@clip-ts/base";
import type { ByteReader } from "./byte-reader.ts";
import type { PickleGlobal } from "./allowed-globals.ts";

/** Stands on the stack where a group of values begins. */
const mark = Symbol("mark");

/** Turns names and persistent ids of a pickle into values. */
export interface PickleHooks {
  readonly global: (module: string, name: string) => PickleGlobal;
  readonly persistent: (id: unknown) => unknown;
}

/** The stack and memory that the opcodes of a pickle work on. */
export class PickleMachine {
  readonly input: ByteReader;
  readonly hooks: PickleHooks;
  private readonly stack: unknown[] = [];
  private readonly memory = new Map<number, unknown>();

  constructor(input: ByteReader, hooks: PickleHooks) {
    this.input = input;
    this.hooks = hooks;
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pushMark(): void {
    this.stack.push(mark);
  }

  pop(): unknown {
    if (this.stack.length === 0) throw new ClipError("bad-weights", "the pickle is damaged.");
    return this.stack.pop();
  }

  top(): unknown {
    return this.stack.at(-1);
  }

  /** Everything above the newest mark, which goes too. */
  popToMark(): unknown[] {
    const at = this.stack.lastIndexOf(mark);
    if (at === -1) throw new ClipError("bad-weights", "the pickle is damaged.");
    const values = this.stack.splice(at);
    return values.slice(1);
  }

  /** The newest values, oldest first. */
  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).toReversed();
  }

  remember(index: number = this.memory.size): void {
    this.memory.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.memory.has(index)) throw new ClipError("bad-weights", "the pickle is damaged.");
    this.push(this.memory.get(index));
  }
}
