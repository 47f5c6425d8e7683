import { ClipError } from "@clip-ts/base";
import { ByteReader } from "./byte-reader.ts";
import { PickleMachine, type PickleHooks } from "./pickle-machine.ts";
import { opcodes } from "./pickle-opcodes.ts";

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
      throw new ClipError(
        "bad-weights",
        `the pickle uses opcode 0x${hexadecimal}, which no file of tensors needs.`,
        { data: { opcode: code } },
      );
    }
    opcode(machine);
  }
  return machine.pop();
}
