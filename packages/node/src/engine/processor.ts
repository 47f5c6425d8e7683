import { readFileSync } from "node:fs";

/** What a processor can do that decides which engine is faster. Undefined where the system does not say. */
export interface Processor {
  /** 512-bit vectors. */
  readonly hasAvx512: boolean | undefined;
  /** Products of pairs of bfloat16 numbers. */
  readonly hasBf16: boolean | undefined;
}

const unknown: Processor = { hasAvx512: undefined, hasBf16: undefined };

/** Reads what Linux lists of an x86 processor; other lists, such as those of ARM, say nothing here. */
export function parseProcessor(cpuinfo: string): Processor {
  const line = /^flags\s*:(.*)$/mu.exec(cpuinfo)?.[1];
  if (line === undefined) return unknown;
  const flags = new Set(line.trim().split(/\s+/u));
  return {
    hasAvx512: flags.has("avx512f"),
    hasBf16: flags.has("avx512_bf16") || flags.has("amx_bf16"),
  };
}

let known: Processor | undefined;

/** What this machine's processor can do. */
export function thisProcessor(): Processor {
  known ??= readProcessor();
  return known;
}

function readProcessor(): Processor {
  try {
    return parseProcessor(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return unknown;
  }
}
