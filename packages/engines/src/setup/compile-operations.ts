import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { libraryFlags, sourceFolder, sourceNames } from "@clip-ts/native";
import { operationsPath } from "../own-operations.ts";
import { compileLibrary } from "./addon.ts";
import type { SetupContext } from "./setup-options.ts";

/**
 * Compiles the operations that clip-ts adds to TensorFlow (`@clip-ts/native`), against the same libraries as
 * tfjs-node's addon, beside which they are put.
 */
export async function compileOperations(
  { packageFolder, version }: { readonly packageFolder: string; readonly version: string },
  libraries: string,
  context: SetupContext,
): Promise<void> {
  const target = operationsPath(packageFolder, version);
  context.report("compiling clip-ts's own operations: GEMM, fused rows, AdamW (half a minute)");
  const sources = fileURLToPath(sourceFolder);
  const args = [
    ...libraryFlags,
    `-I${join(libraries, "include")}`,
    ...sourceNames.map((name) => join(sources, name)),
  ];
  await compileLibrary("clip-ts's operations", { target, libraries }, args, context);
}
