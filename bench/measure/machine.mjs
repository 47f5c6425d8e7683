// @ts-check
import { readFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";

/** Instructions that decide how fast matrices are multiplied, as Linux calls them. */
const telling = {
  avx2: "AVX2",
  avx512f: "AVX-512",
  avx512_bf16: "bf16 matmuls",
  amx_bf16: "AMX bf16",
};

/** What the processor says it can do; empty where Linux does not list it so. */
function processorFlags() {
  try {
    const flags = /^flags\s*:(.*)$/mu.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return new Set(flags.trim().split(" "));
  } catch {
    return new Set();
  }
}

function instructions() {
  const known = processorFlags();
  return Object.entries(telling).flatMap(([flag, name]) => (known.has(flag) ? [name] : []));
}

/** Whether the processor multiplies bfloat16 itself; without that bf16 is no gain. */
export function hasBf16Instructions() {
  const known = processorFlags();
  return known.has("avx512_bf16") || known.has("amx_bf16");
}

/** What figures depend on, in one line; nothing that names the machine or its owner. */
export function describeMachine() {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? arch();
  const detail = [`${cores.length} cores`, ...instructions()].join(", ");
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${model} (${detail}), ${memory} GiB, ${platform()}, Node ${process.versions.node}`;
}

/** Today, as 2026-11-23. */
export const today = () => new Date().toISOString().slice(0, 10);
