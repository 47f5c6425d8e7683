import { conformance } from "../fixtures/conformance.ts";
import type { IndexFiles } from "../index-files.ts";
import { memoryFiles } from "../memory-files.ts";
import { openFlatIndex } from "./flat-index.ts";

const folders = new Map<string, IndexFiles>();

/** The files of a name, the same whenever they are asked for. */
function filesOf(name: string): IndexFiles {
  const files = folders.get(name) ?? memoryFiles();
  folders.set(name, files);
  return files;
}

for (const dtype of ["f32", "int8"] as const) {
  // A step is at most a 127th of 1, and rounding takes half of one; a scale that fits short rows takes as much again.
  const valueTolerance = dtype === "f32" ? 0 : 1 / 127;
  conformance(`flat ${dtype} in memory`, (_, options) => openFlatIndex({ ...options, dtype }), {
    isKept: false,
    valueTolerance,
  });
  conformance(
    `flat ${dtype} in files`,
    (place, options) => openFlatIndex({ ...options, dtype, files: filesOf(`${dtype} ${place}`) }),
    { valueTolerance },
  );
}
