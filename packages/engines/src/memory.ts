import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { LoadOptions, LoadProgram } from "@clip-ts/jit";
import type * as Koffi from "koffi";

const require = createRequire(import.meta.url);

/**
 * Returns to the system what libraries have freed by now: glibc would keep it, and what loading a model
 * leaves behind would stay reserved through training. Once, between two steps: to have each large piece
 * returned whenever it is freed (mallopt) made steps slower by a third, as each was mapped anew. Does
 * nothing with other C libraries.
 */
export function returnFreedMemory(): void {
  if (process.platform !== "linux") return;
  try {
    const koffi = require("koffi") as typeof Koffi;
    koffi.load("libc.so.6").func("malloc_trim", "int", ["size_t"])(0);
  } catch {
    // Another C library, or nothing to call it with: memory stays reserved for longer.
  }
}

let collect: (() => void) | undefined;

/**
 * Frees the memory of objects that nothing refers to, now. Node collects when JavaScript allocates, and
 * TensorFlow keeps a training's state outside of it: the arrays that a run started from would stay beside
 * the variables made of them, and traced graphs with them. Steps of ViT-B/32 at a batch of 16 then held
 * 3.7 to 4.0 GiB at most instead of 3.5 to 3.6; on ONNX Runtime, whose state is arrays, 1 to 2 % more.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** What to call when a step begins to be compiled; when it has been, memory that is free is given back. */
function announced(announce: LoadOptions["onCompile"]): NonNullable<LoadOptions["onCompile"]> {
  return (shapes) => {
    const done = announce?.(shapes);
    return () => {
      done?.();
      collectGarbage();
      returnFreedMemory();
    };
  };
}

/** The same, but garbage is collected whenever a step has been compiled. */
export function collectingGarbage(load: LoadProgram): LoadProgram {
  return (functions, state, options = {}) =>
    load(functions, state, { ...options, onCompile: announced(options.onCompile) });
}
