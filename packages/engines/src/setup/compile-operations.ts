import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { operationsPath } from "../own-operations.ts";
import { compileLibrary } from "./addon.ts";
import type { SetupContext } from "./setup-options.ts";

const sources = fileURLToPath(new URL("../../../node/native/", import.meta.url));

const names = [
  "adamw.cc",
  "attend_head.cc",
  "attention.cc",
  "matmul.cc",
  "module.cc",
  "product.cc",
  "row_program.cc",
  "rows.cc",
  "transposed.cc",
];

/** Square roots and comparisons as the processor makes them, without what C wants besides. */
const flags = [
  "-O3",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-std=c++17",
  "-fPIC",
  "-shared",
  "-w",
];

/**
 * Compiles the operations that this package adds to TensorFlow (its folder `native`), against the same
 * libraries as tfjs-node's addon, beside which they are put.
 */
export async function compileOperations(
  { packageFolder, version }: { readonly packageFolder: string; readonly version: string },
  libraries: string,
  context: SetupContext,
): Promise<void> {
  const target = operationsPath(packageFolder, version);
  context.report("compiling clip-ts's own operations: products, fused rows, AdamW (half a minute)");
  const args = [
    ...flags,
    // As TensorFlow itself was compiled: its tensors begin where the widest vectors do.
    "-DEIGEN_MAX_ALIGN_BYTES=64",
    `-I${join(libraries, "include")}`,
    ...names.map((name) => join(sources, name)),
  ];
  await compileLibrary("clip-ts's operations", { target, libraries }, args, context);
}
