import { ClipError } from "@clip-ts/base";
import type { PickleGlobal } from "./allowed-globals.ts";
import { ByteReader } from "./byte-reader.ts";
import { ScriptModule } from "./stored-tensor.ts";

type Opcode = (machine: PickleMachine) => void;

function damaged(found: string): ClipError {
  return new ClipError("bad-weights", `the pickle is damaged: ${found}.`);
}

/** Adds keys and values, in turn, to the dictionary on the stack. */
function setItems(machine: PickleMachine, items: readonly unknown[]): void {
  const target = machine.top();
  if (!(target instanceof Map) || items.length % 2 !== 0) throw damaged("items without a dict");
  for (let index = 0; index < items.length; index += 2) target.set(items[index], items[index + 1]);
}

function append(machine: PickleMachine, items: readonly unknown[]): void {
  const target = machine.top();
  if (!Array.isArray(target)) throw damaged("items without a list");
  for (const item of items) target.push(item);
}

/** Calls one of the few known globals; there is nothing else that could be called. */
function call(machine: PickleMachine): void {
  const [callee, args] = machine.popMany(2) as [PickleGlobal | undefined, unknown];
  if (typeof callee?.make !== "function" || !Array.isArray(args)) {
    throw damaged("a call of something that cannot be called");
  }
  machine.push(callee.make(args));
}

/** Gives an object its attributes; what dictionaries and tensors carry beside their values is dropped. */
function build(machine: PickleMachine): void {
  const state = machine.pop();
  const target = machine.top();
  if (target instanceof ScriptModule && state instanceof Map) target.attributes = state;
}

function pushGlobal(machine: PickleMachine, module: unknown, name: unknown): void {
  if (typeof module !== "string" || typeof name !== "string") throw damaged("a nameless global");
  machine.push(machine.hooks.global(module, name));
}

function dictOf(items: readonly unknown[]): Map<unknown, unknown> {
  const dict = new Map<unknown, unknown>();
  for (let index = 0; index < items.length; index += 2) dict.set(items[index], items[index + 1]);
  return dict;
}

/** Opcodes that only state a value. */
const constants: Readonly<Record<string, (machine: PickleMachine) => unknown>> = {
  N: () => null,
  "\x88": () => true,
  "\x89": () => false,
  K: ({ input }) => input.byte(),
  M: ({ input }) => input.uint16(),
  J: ({ input }) => input.int32(),
  G: ({ input }) => input.float64(),
  "\x8a": ({ input }) => input.integer(input.byte()),
  X: ({ input }) => input.text(input.uint32()),
  "\x8c": ({ input }) => input.text(input.byte()),
  "\x8d": ({ input }) => input.text(input.uint64()),
  U: ({ input }) => input.text(input.byte()),
  T: ({ input }) => input.text(input.uint32()),
  C: ({ input }) => input.take(input.byte()),
  B: ({ input }) => input.take(input.uint32()),
  "}": () => new Map(),
  "]": () => [],
  ")": () => [],
  "\x8f": () => [],
  "\x85": (machine) => machine.popMany(1),
  "\x86": (machine) => machine.popMany(2),
  "\x87": (machine) => machine.popMany(3),
  t: (machine) => machine.popToMark(),
  l: (machine) => machine.popToMark(),
  "\x91": (machine) => machine.popToMark(),
  d: (machine) => dictOf(machine.popToMark()),
  Q: (machine) => machine.hooks.persistent(machine.pop()),
};

const actions: Readonly<Record<string, Opcode>> = {
  "\x80": ({ input }) => void input.byte(),
  "\x95": ({ input }) => void input.uint64(),
  "(": (machine) => machine.pushMark(),
  "0": (machine) => void machine.pop(),
  "1": (machine) => void machine.popToMark(),
  q: (machine) => machine.remember(machine.input.byte()),
  r: (machine) => machine.remember(machine.input.uint32()),
  "\x94": (machine) => machine.remember(),
  h: (machine) => machine.recall(machine.input.byte()),
  j: (machine) => machine.recall(machine.input.uint32()),
  a: (machine) => append(machine, machine.popMany(1)),
  e: (machine) => append(machine, machine.popToMark()),
  "\x90": (machine) => append(machine, machine.popToMark()),
  s: (machine) => setItems(machine, machine.popMany(2)),
  u: (machine) => setItems(machine, machine.popToMark()),
  c: (machine) => pushGlobal(machine, machine.input.line(), machine.input.line()),
  "\x93": (machine) => {
    const [module, name] = machine.popMany(2);
    pushGlobal(machine, module, name);
  },
  R: call,
  "\x81": call,
  b: build,
};

/**
 * Opcodes by their character (Python's pickletools, protocols 2 to 5), as far as files of tensors use
 * them. Absent on purpose: everything that makes objects of arbitrary classes.
 */
const opcodes: ReadonlyMap<number, Opcode> = new Map([
  ...Object.entries(constants).map(([character, value]): [number, Opcode] => [
    character.charCodeAt(0),
    (machine) => machine.push(value(machine)),
  ]),
  ...Object.entries(actions).map(([character, action]): [number, Opcode] => [character.charCodeAt(0), action]),
]);

/** Stands on the stack where a group of values begins. */
const mark = Symbol("mark");

/** Turns names and persistent ids of a pickle into values. */
export interface PickleHooks {
  readonly global: (module: string, name: string) => PickleGlobal;
  readonly persistent: (id: unknown) => unknown;
}

/** The stack and memory that the opcodes of a pickle work on. */
class PickleMachine {
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

const stop = ".".charCodeAt(0);

/** Opcodes that are followed; the largest CLIP with its optimizer takes a fifth of it. */
const mostOpcodes = 1_000_000;

/**
 * Reads a pickle as data: dictionaries become Maps, lists and tuples arrays. It runs no code of the
 * file; what a global stands for is decided by `hooks`. Every opcode makes at most one value, so memory
 * is bounded by the number of opcodes.
 * @throws ClipError "bad-weights" for a damaged pickle, an opcode that tensors do not need, or a
 * global that `hooks` refuses.
 */
export function unpickle(bytes: Uint8Array, hooks: PickleHooks): unknown {
  const input = new ByteReader(bytes);
  const machine = new PickleMachine(input, hooks);
  let steps = 0;
  for (let code = input.byte(); code !== stop; code = input.byte()) {
    steps += 1;
    if (steps > mostOpcodes) {
      throw new ClipError("bad-weights", `the pickle has more than ${mostOpcodes} instructions.`);
    }
    const opcode = opcodes.get(code);
    if (opcode === undefined) {
      const hexadecimal = code.toString(16).padStart(2, "0");
      throw new ClipError("bad-weights", `the pickle uses opcode 0x${hexadecimal}, which no file of tensors needs.`, {
        data: { opcode: code },
      });
    }
    opcode(machine);
  }
  return machine.pop();
}
