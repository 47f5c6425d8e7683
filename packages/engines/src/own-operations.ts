import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { gemmOf, gemmReason, libraryName, type GemmChoice, type LibraryExports } from "@clip-ts/native";
import type { OwnOperations } from "@clip-ts/tensorflow";

/** Where the setup puts the library of clip-ts's own operations, beside tfjs-node's addon. */
export const operationsPath = (packageFolder: string, tensorflow: string): string =>
  join(packageFolder, "lib", "napi-v8", libraryName(tensorflow));

/** What TensorFlow has of clip-ts's own operations here, and which GEMM multiplies matrices if it has any. */
export interface LoadedOperations extends OwnOperations {
  readonly gemm?: GemmChoice;
}

/** Which GEMM multiplies matrices on TensorFlow, and why that one. */
export function describeGemm({ gemm }: LoadedOperations, isOnGpu: boolean): string {
  if (isOnGpu) return "cuBLAS's, on the GPU";
  if (gemm === undefined) {
    return "TensorFlow's (oneDNN or Eigen): clip-ts's own is not there; clip-ts setup tensorflow adds it";
  }
  const whose = gemm === "own" ? "clip-ts's own" : "TensorFlow's (oneDNN or Eigen)";
  return `${whose}: ${gemmReason(gemm)}`;
}

/**
 * Adds clip-ts's own operations to TensorFlow, which must be loaded, in that version.
 * @returns which of them run here; graphs do without the others.
 */
export function loadOwnOperations(packageFolder: string, tensorflow: string): LoadedOperations {
  const path = operationsPath(packageFolder, tensorflow);
  if (!existsSync(path)) return {};
  try {
    const library: { readonly exports: LibraryExports } = { exports: {} };
    process.dlopen(library, path, constants.dlopen.RTLD_NOW);
    const gemm = gemmOf(library.exports);
    return { hasOwnOperations: true, hasOwnGemm: gemm === "own", gemm };
  } catch (error) {
    console.warn(`${path} cannot be loaded; run clip-ts setup tensorflow again. ${String(error)}`);
    return {};
  }
}
