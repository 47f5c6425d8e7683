import { readFileSync } from "node:fs";
import { ClipError } from "@clip-ts/base";
import type { LoadProgram, Target } from "@clip-ts/jit";
import type { OpenGraph, WeightsDtype } from "@clip-ts/onnx";
import type { Precision } from "@clip-ts/tensorflow";

/** What a processor can do that decides which engine is faster. Undefined where the system does not say. */
export interface Processor {
  /** 512-bit vectors. */
  readonly hasAvx512: boolean | undefined;
  /** Instructions that multiply pairs of bfloat16 numbers. */
  readonly hasBf16: boolean | undefined;
  /** Instructions for dot products of unsigned with signed bytes (VNNI). */
  readonly hasVnni: boolean | undefined;
}

const unknown: Processor = { hasAvx512: undefined, hasBf16: undefined, hasVnni: undefined };

/** Reads what Linux lists of an x86 processor; other lists, such as those of ARM, say nothing here. */
export function parseProcessor(cpuinfo: string): Processor {
  const line = /^flags\s*:(.*)$/mu.exec(cpuinfo)?.[1];
  if (line === undefined) return unknown;
  const flags = new Set(line.trim().split(/\s+/u));
  return {
    hasAvx512: flags.has("avx512f"),
    hasBf16: flags.has("avx512_bf16") || flags.has("amx_bf16"),
    hasVnni: flags.has("avx512_vnni") || flags.has("avx_vnni"),
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

/**
 * What runs tensors: TensorFlow, ONNX Runtime on traced graphs, WebGPU, WebAssembly, or plain
 * JavaScript.
 */
export type EngineName = "tensorflow-gpu" | "onnx-gpu" | "webgpu" | "tensorflow" | "onnx" | "wasm" | "cpu";

/** Where an engine computes. */
export type Device = "cpu" | "gpu";

/** Engines that compute on a GPU, fastest first. */
export const gpuEngineNames: readonly EngineName[] = ["tensorflow-gpu", "onnx-gpu", "webgpu"];

/** Every engine: those on a GPU, then those on the CPU, each fastest first. */
export const engineNames: readonly EngineName[] = [...gpuEngineNames, "tensorflow", "onnx", "wasm", "cpu"];

/**
 * The order of automatic choice. ONNX Runtime and WebGPU take a GPU only when asked, by name or by
 * device: they cannot tell a fast card from a driver that draws on the CPU. Without AVX-512 ONNX Runtime
 * is the faster one on a CPU: a training step of ViT-B/32 on Zen 3 took 4.6 s there, 7.0 s in TensorFlow.
 */
export function automaticEngines(device?: Device, { hasAvx512 }: Processor = thisProcessor()): readonly EngineName[] {
  const slow = device === "gpu" ? [] : device === "cpu" ? gpuEngineNames : ["onnx-gpu", "webgpu"];
  const names = engineNames.filter((name) => !slow.includes(name));
  if (hasAvx512 !== false) return names;
  const after: readonly EngineName[] = names.filter((name) => name !== "onnx");
  return after.toSpliced(after.indexOf("tensorflow"), 0, "onnx");
}

/** Whether an engine can run here, and if not what would change that. */
export interface EngineStatus {
  readonly name: EngineName;
  readonly available: boolean;
  /** Version and kind if available, else what is missing. */
  readonly detail: string;
  /** The command or step that makes it available. */
  readonly fix?: string;
}

/** A number of threads in words. */
export const describeThreads = (threads: number): string => (threads === 1 ? "1 thread" : `${threads} threads`);

/** How an engine computes. */
export interface EngineOptions {
  /** Of matmuls: 32 bits, or bfloat16 operands summed in 32 bits. f32 by default. */
  readonly precision?: Precision | undefined;
  /** Threads that share the work; as many as the machine has by default. */
  readonly threads?: number | undefined;
  /**
   * What weights are kept as: f32 by default. f16 and q8 (8 bits) are for embedding on ONNX Runtime; nothing trains
   * with them.
   */
  readonly dtype?: WeightsDtype | undefined;
}

/** What an engine that compiles offers; the others run operations as they come. */
export interface Compiler {
  /** Makes traced graphs runnable. */
  readonly target: Target;
  /** Puts a training step with its state on the engine. */
  readonly load: LoadProgram;
  /** Runs graphs that others stored; only ONNX Runtime does. */
  readonly openGraph?: OpenGraph;
  /** What weights are kept as, where that was asked for. */
  readonly dtype?: WeightsDtype;
}

/** What an automatic choice lacks that would make it several times faster. */
export interface Slowdown {
  /** What is missing, what computes in its place, and how much slower that is. */
  readonly said: string;
  /** The command that brings it back. */
  readonly fix: string;
}

/** The engine that runs from now on. */
export interface StartedEngine {
  readonly name: EngineName;
  /** Version and kind. */
  readonly detail: string;
  /** Why this one: asked for, or what the faster ones lack. */
  readonly reason: string;
  /** Which GEMM multiplies matrices, and why that one, where there is a choice: on TensorFlow. */
  readonly gemm?: string;
  /** There if nothing but a missing package keeps a far faster engine from being chosen. */
  readonly slowdown?: Slowdown;
  /** What weights are kept as, where it is not f32. */
  readonly dtype?: Exclude<WeightsDtype, "f32">;
  readonly compiler?: Compiler;
}

/**
 * Refuses an engine that does not run here; the message ends with the command that would change it, to be pasted.
 * @throws ClipError "engine-unavailable" with the reason.
 */
export function refuseMissingEngine(status: EngineStatus): void {
  const { name, available, detail, fix } = status;
  if (available) return;
  const remedy = fix === undefined ? "" : ` To fix it: ${fix}`;
  throw new ClipError("engine-unavailable", `The engine "${name}" cannot run here: ${detail}.${remedy}`, {
    data: { ...status },
  });
}
