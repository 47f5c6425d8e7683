import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { operationsPath } from "../engine/own-operations.ts";
import { compile } from "./compile-addon.ts";
import { megabytes, type SetupContext } from "./setup-options.ts";
import { libraryNames } from "./unpack-wheel.ts";

const sources = fileURLToPath(new URL("../../native/", import.meta.url));

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
  const partial = `${target}.partial`;
  context.report("compiling clip-ts's own operations: fused rows, AdamW (half a minute)");
  try {
    await compile(
      "clip-ts's operations",
      [
        ...flags,
        // As TensorFlow itself was compiled: its tensors begin where the widest vectors do.
        "-DEIGEN_MAX_ALIGN_BYTES=64",
        `-I${join(libraries, "include")}`,
        ...["adamw.cc", "module.cc", "row_program.cc", "rows.cc", "transposed.cc"].map((name) =>
          join(sources, name),
        ),
        `-L${libraries}`,
        ...libraryNames.map((name) => `-l:${name}`),
        `-Wl,-rpath,${libraries},-z,now`,
        "-o",
        partial,
      ],
      context,
    );
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
  context.report(`  ${target} ${megabytes((await stat(target)).size)}`);
}
