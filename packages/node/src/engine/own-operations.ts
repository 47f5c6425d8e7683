import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

/** Raised whenever operations change, so that an older build is not taken for them. */
const version = 1;

/**
 * Where the setup puts the library of clip-ts's own operations, beside tfjs-node's addon. It is named after
 * TensorFlow's version too: beside another one it would bring its own TensorFlow into the process.
 */
export const operationsPath = (packageFolder: string, tensorflow: string): string =>
  join(packageFolder, "lib", "napi-v8", `clip_ts_operations_${version}_${tensorflow}.node`);

/**
 * Adds clip-ts's own operations to TensorFlow, which must be loaded, in that version.
 * @returns whether they are there; graphs do without if not.
 */
export function loadOwnOperations(packageFolder: string, tensorflow: string): boolean {
  const path = operationsPath(packageFolder, tensorflow);
  if (!existsSync(path)) return false;
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW);
    return true;
  } catch (error) {
    console.warn(`${path} cannot be loaded; run clip-ts setup tensorflow again. ${String(error)}`);
    return false;
  }
}
