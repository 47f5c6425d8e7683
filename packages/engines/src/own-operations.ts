import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { OwnOperations } from "@clip-ts/tensorflow";

/** Raised whenever operations change, so that an older build is not taken for them. */
const version = 3;

/**
 * Where the setup puts the library of clip-ts's own operations, beside tfjs-node's addon. It is named after
 * TensorFlow's version too: beside another one it would bring its own TensorFlow into the process.
 */
export const operationsPath = (packageFolder: string, tensorflow: string): string =>
  join(packageFolder, "lib", "napi-v8", `clip_ts_operations_${version}_${tensorflow}.node`);

/**
 * Adds clip-ts's own operations to TensorFlow, which must be loaded, in that version.
 * @returns which of them run here; graphs do without the others.
 */
export function loadOwnOperations(packageFolder: string, tensorflow: string): OwnOperations {
  const path = operationsPath(packageFolder, tensorflow);
  if (!existsSync(path)) return {};
  try {
    const library = { exports: { hasProducts: false } };
    process.dlopen(library, path, constants.dlopen.RTLD_NOW);
    return { hasOwnOperations: true, hasOwnProducts: library.exports.hasProducts };
  } catch (error) {
    console.warn(`${path} cannot be loaded; run clip-ts setup tensorflow again. ${String(error)}`);
    return {};
  }
}
