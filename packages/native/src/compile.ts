import { gemmChoices, operationsVersion, type GemmChoice } from "./constants.ts";

/** The folder of the C++ sources, as an address that ends in a slash. */
export const sourceFolder: URL = new URL("../cpp/", import.meta.url);

/** The sources that make up the library, in that folder. */
export const sourceNames: readonly string[] = [
  "adamw.cc",
  "attention.cc",
  "attention_head.cc",
  "fused_rows.cc",
  "gemm.cc",
  "matmul.cc",
  "module.cc",
  "row_kernel.cc",
  "transpose.cc",
];

/** The flags of the code itself: square roots and comparisons as the processor makes them, without what C wants. */
export const codeFlags: readonly string[] = ["-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math"];

/**
 * The flags of g++ for the library: besides those of the code, a tensor's memory begins where the widest vectors
 * do, as in TensorFlow itself. The caller adds TensorFlow's headers and libraries.
 */
export const libraryFlags: readonly string[] = [...codeFlags, "-fPIC", "-shared", "-w", "-DEIGEN_MAX_ALIGN_BYTES=64"];

/**
 * What the library's file is called. It is named after TensorFlow's version too: beside another one it would bring
 * its own TensorFlow into the process.
 */
export const libraryName = (tensorflow: string): string => `clip_ts_operations_${operationsVersion}_${tensorflow}.node`;

/** What Node.js gets from the library when it loads it. */
export interface LibraryExports {
  /** One of `gemmChoices`, by number. */
  gemm?: number;
}

/** Which GEMM multiplies matrices, as a loaded library says it. */
export function gemmOf({ gemm }: LibraryExports): GemmChoice {
  const names = Object.keys(gemmChoices) as GemmChoice[];
  return names.find((name) => gemmChoices[name] === gemm) ?? "otherPlatform";
}

const reasons: Readonly<Record<GemmChoice, string>> = {
  own: "this processor has AVX512-BF16 and no AMX",
  noBf16: "clip-ts's own needs a processor with AVX512-BF16",
  hasAmx: "on this processor's AMX oneDNN is faster than clip-ts's own",
  otherPlatform: "clip-ts's own is for x86-64 processors and g++",
};

/** Why that GEMM multiplies, for people. */
export const gemmReason = (choice: GemmChoice): string => reasons[choice];
