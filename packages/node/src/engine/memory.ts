import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { TrainingSpec } from "@clip-ts/jit";
import type * as Koffi from "koffi";

const require = createRequire(import.meta.url);

/** M_MMAP_THRESHOLD of malloc.h. */
const mappingThreshold = -3;
/** Bytes from which on a piece of memory is the system's again as soon as it is freed. */
const largePiece = 1 << 18;

/**
 * Has large pieces of memory that libraries free returned to the system at once. glibc raises the size it
 * does so for to 32 MiB when such pieces are freed, and what loading a model leaves behind would stay
 * reserved through training. Does nothing with other C libraries.
 */
export function returnFreedMemory(): void {
  if (process.platform !== "linux") return;
  try {
    const koffi = require("koffi") as typeof Koffi;
    const mallopt = koffi.load("libc.so.6").func("mallopt", "int", ["int", "int"]);
    mallopt(mappingThreshold, largePiece);
  } catch {
    // Another C library, or nothing to call it with: memory stays reserved for longer.
  }
}

let collect: (() => void) | undefined;

/**
 * Frees the memory of objects that nothing refers to, now. Node would wait for more such objects, and
 * starting parameters or traced graphs would count towards the peak of a run's memory.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** What to call when a step begins to be compiled; garbage is collected when it has been. */
function announced(announce: TrainingSpec["onCompile"]): Required<TrainingSpec>["onCompile"] {
  return (shapes) => {
    const done = announce?.(shapes);
    return () => {
      done?.();
      collectGarbage();
    };
  };
}

/** The same training, which collects garbage whenever it has compiled a step. */
export function collectingGarbage(spec: TrainingSpec): TrainingSpec {
  // Made elsewhere: a function made here would keep the starting parameters, which are in `spec`.
  return { ...spec, onCompile: announced(spec.onCompile) };
}
