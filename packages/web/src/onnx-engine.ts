import { ClipError, isClipError } from "@clip-ts/base";
import { optimize, trace, type CompiledFunction, type Target } from "@clip-ts/jit";
import { compileOnnx, onnxGraphs, type OnnxRuntime, type OpenGraph, type WeightsDtype } from "@clip-ts/onnx";
import { matMul } from "@tensorflow/tfjs-core";
import { absolute } from "./fetch.ts";

/** The builds of onnxruntime-web that are used: for the CPU, and for WebGPU with the CPU beside it. */
const builds = {
  onnx: "ort-wasm-simd-threaded",
  "onnx-gpu": "ort-wasm-simd-threaded.asyncify",
} as const;

type Build = keyof typeof builds;

/** The files of onnxruntime-web's `dist` folder: two for the CPU (14 MB), two for WebGPU (27 MB). */
export type OnnxFile = `${(typeof builds)[Build]}.${"mjs" | "wasm"}`;

/** Settings of ONNX Runtime. */
export interface OnnxEngineOptions {
  /**
   * Where the files of onnxruntime-web are: the address of their folder, ending in "/", or of each file. By
   * default they are looked for where the bundler has put them. They have to come from the page's own server:
   * no other is ever asked.
   */
  readonly onnxPaths?: string | Readonly<Partial<Record<OnnxFile, string>>>;
  /**
   * Threads that share the work: by default as many as the processor has, 8 at most. A page or worker that is
   * not cross-origin isolated has one whatever is asked for. Settled by the first start.
   */
  readonly threads?: number;
  /**
   * What weights are kept as: f32 by default; "q8", 8 bits, on the CPU; "f16", half precision, which a graphics card that
   * has it computes in too.
   */
  readonly dtype?: WeightsDtype;
}

/** ONNX Runtime as it runs. */
export interface LoadedOnnx {
  readonly detail: string;
  readonly threads: number;
  readonly compiler: WebCompiler;
}

/** What makes traced graphs runnable, and runs graphs that others stored. */
export interface WebCompiler {
  readonly target: Target;
  readonly openGraph?: OpenGraph;
  /** What weights are kept as, where that was asked for. */
  readonly dtype?: WeightsDtype;
}

/** What is used of the module, beside what compiles. */
interface RuntimeModule {
  readonly env: {
    readonly versions: { readonly web?: string };
    logLevel?: string;
    readonly wasm: { numThreads?: number; initTimeout?: number; wasmPaths?: unknown };
  };
}

/** Threads that still gain something; each costs a worker. */
const mostThreads = 8;

/** Milliseconds that a runtime with threads may take to come and start: it does not tell that they fail. */
const startTimeout = 120_000;

/** Whether threads can share memory here. */
export function isIsolated(): boolean {
  const { crossOriginIsolated = false } = globalThis as Partial<typeof globalThis>; // Node has none
  return crossOriginIsolated;
}

function threadsFor({ threads }: OnnxEngineOptions): number {
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) {
    throw new ClipError("bad-argument", `threads should be 1 or more, got ${threads}.`);
  }
  if (!isIsolated()) return 1;
  return threads ?? Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, mostThreads);
}

/** What the runtime is told about its files: absolute addresses, or nothing where the bundler knows them. */
function addressesOf(build: Build, { onnxPaths }: OnnxEngineOptions): unknown {
  if (onnxPaths === undefined) return undefined;
  if (typeof onnxPaths === "string") return absolute(onnxPaths);
  const [mjs, wasm] = [`${builds[build]}.mjs`, `${builds[build]}.wasm`] as const;
  const addresses = { mjs: onnxPaths[mjs], wasm: onnxPaths[wasm] };
  if (addresses.mjs === undefined || addresses.wasm === undefined) {
    throw new ClipError("engine-unavailable", `onnxPaths has no addresses of ${mjs} and ${wasm}.`);
  }
  return { mjs: absolute(addresses.mjs), wasm: absolute(addresses.wasm) };
}

const two = { data: Float32Array.of(2), shape: [1, 1] };

/** Multiplies 2 by 2, which makes the runtime load. @throws what it says if it cannot. */
async function tryTarget(target: Target): Promise<void> {
  const compiled = await target(trace(({ a }) => ({ square: matMul(a, a) }), { a: two }));
  const { square } = await compiled.run({ a: two });
  await compiled.dispose();
  if (square?.data[0] !== 4) throw new Error(`2 times 2 came out as ${square?.data[0]}`);
}

/** Begins each task when the last one has ended. */
function inTurn(): <Result>(task: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const done = last.then(task, task);
    last = done.catch(() => undefined);
    return done;
  };
}

/** Runs one after the other: on a GPU the runtime refuses to begin a run before the last has ended. */
function oneAtATime(target: Target): Target {
  const after = inTurn();
  return async (graph, use) => {
    const compiled = await after(() => target(graph, use));
    const ordered: CompiledFunction = {
      ...compiled,
      run: (inputs, into) => after(() => compiled.run(inputs, into)),
      dispose: () => after(() => compiled.dispose()),
    };
    return ordered;
  };
}

/** How graphs are compiled. */
interface TargetOptions {
  readonly provider: "wasm" | "webgpu";
  readonly dtype?: WeightsDtype | undefined;
  /** Whether the graphics card computes in half precision. */
  readonly hasHalves?: boolean;
}

function targetOf(module: RuntimeModule, { provider, dtype = "f32", hasHalves = false }: TargetOptions): Target {
  const runtime = module as unknown as OnnxRuntime;
  const options = { runtime, providers: [provider], fuses: true, dtype, arithmetic: { hasHalves } };
  const target: Target = (graph) => compileOnnx(optimize(graph), options);
  return Object.assign(provider === "webgpu" ? oneAtATime(target) : target, {
    prefersOpenSizes: true,
    needsConstants: dtype !== "f32",
  });
}

/** Runs stored graphs; on a GPU one after the other. */
function openerOf(module: RuntimeModule, provider: TargetOptions["provider"]): OpenGraph {
  const open = onnxGraphs({ runtime: module as unknown as OnnxRuntime, providers: [provider] });
  if (provider === "wasm") return open;
  const after = inTurn();
  return async (file) => {
    const graph = await after(() => open(file));
    return { ...graph, run: (inputs) => after(() => graph.run(inputs)), dispose: () => after(() => graph.dispose()) };
  };
}

function failure(build: Build, cause: unknown): ClipError {
  if (isClipError(cause)) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  const file = builds[build];
  return new ClipError(
    "engine-unavailable",
    `ONNX Runtime did not start: ${said.replace(/^no available backend found\. ERR: /u, "")}. Serve ` +
      `${file}.mjs and ${file}.wasm of onnxruntime-web's dist folder, give their addresses as onnxPaths, ` +
      "and load the page again.",
    { data: { build: file }, cause },
  );
}

/** A build of the runtime that has started. */
interface StartedBuild {
  readonly detail: string;
  readonly threads: number;
  readonly targetWith: (options: Omit<TargetOptions, "provider">) => Target;
  readonly openGraph: OpenGraph;
}

/** Starts a build of the runtime. @throws ClipError "engine-unavailable" with what it said. */
async function start(build: Build, options: OnnxEngineOptions, load: () => Promise<unknown>): Promise<StartedBuild> {
  const threads = threadsFor(options);
  const wasmPaths = addressesOf(build, options);
  try {
    const module = (await load()) as RuntimeModule;
    const { env } = module;
    env.logLevel = "error";
    Object.assign(env.wasm, { numThreads: threads, initTimeout: threads > 1 ? startTimeout : 0 });
    if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
    const provider = build === "onnx" ? "wasm" : "webgpu";
    const targetWith: StartedBuild["targetWith"] = (more) => targetOf(module, { provider, ...more });
    await tryTarget(targetWith({}));
    const detail = `traced and compiled by ONNX Runtime ${env.versions.web}`;
    return { detail, threads, targetWith, openGraph: openerOf(module, provider) };
  } catch (cause) {
    throw failure(build, cause);
  }
}

/** Each build starts once in a page or worker, or not at all. */
const started = new Map<Build, Promise<StartedBuild>>();

function once(build: Build, begin: () => Promise<StartedBuild>): Promise<StartedBuild> {
  const known = started.get(build) ?? begin();
  started.set(build, known);
  return known;
}

const inWords: Readonly<Record<WeightsDtype, string>> = {
  f32: "",
  f16: ", weights in half precision",
  q8: ", weights of 8 bits",
};

const askedOf = ({ dtype }: OnnxEngineOptions): Pick<WebCompiler, "dtype"> => (dtype === undefined ? {} : { dtype });

/** Starts ONNX Runtime on the CPU. @throws ClipError "engine-unavailable" that says what to do. */
export async function loadOnnx(options: OnnxEngineOptions): Promise<LoadedOnnx> {
  const { dtype = "f32" } = options;
  const { detail, threads, targetWith, openGraph } = await once("onnx", () =>
    // @ts-expect-error onnxruntime-web's types are of modules by name, and this is none of them: RuntimeModule has what is used.
    start("onnx", options, () => import("#onnxruntime")),
  );
  const compiler = { target: targetWith({ dtype }), openGraph, ...askedOf(options) };
  return { detail: `${detail}${inWords[dtype]}`, threads, compiler };
}

/** What is used of a graphics adapter. */
interface Adapter {
  readonly features?: { has(name: string): boolean };
  readonly isFallbackAdapter?: boolean;
  readonly info?: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
}

interface Gpu {
  requestAdapter(options: object): Promise<Adapter | null>;
}

const software = /swiftshader|llvmpipe|lavapipe|software|basic render/iu;

/** An adapter in words, and whether it draws on the CPU. */
function describeAdapter({ info, isFallbackAdapter = false }: Adapter): {
  readonly words: string;
  readonly isSoftware: boolean;
} {
  const named = [info?.vendor, info?.architecture, info?.description].filter(Boolean);
  const words = named.length === 0 ? "unnamed" : named.join(", ");
  const isFallback = info?.isFallbackAdapter ?? isFallbackAdapter;
  return { words, isSoftware: isFallback || software.test(words) };
}

/** A graphics adapter that will do. */
interface FoundAdapter {
  readonly words: string;
  /** Whether it computes in half precision. */
  readonly hasHalves: boolean;
}

/** The graphics adapter that WebGPU finds. @throws ClipError if there is none, or none of the kind. */
async function findAdapter(needsHardware: boolean): Promise<FoundAdapter> {
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: Gpu };
  const unavailable = (reason: string): ClipError => new ClipError("engine-unavailable", reason);
  if (gpu === undefined) throw unavailable("there is no WebGPU here");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) throw unavailable("WebGPU finds no graphics adapter");
  const { words, isSoftware } = describeAdapter(adapter);
  if (needsHardware && isSoftware) throw unavailable(`WebGPU draws on the CPU (${words})`);
  return { words, hasHalves: adapter.features?.has("shader-f16") ?? false };
}

/**
 * Starts ONNX Runtime on WebGPU; `needsHardware` refuses drivers that draw on the CPU.
 * @throws ClipError "engine-unavailable" with the reason.
 */
export async function loadOnnxOnGpu(options: OnnxEngineOptions, needsHardware: boolean): Promise<LoadedOnnx> {
  const { words, hasHalves } = await findAdapter(needsHardware);
  const { dtype = "f32" } = options;
  const { detail, threads, targetWith, openGraph } = await once("onnx-gpu", () =>
    start("onnx-gpu", options, () => import("onnxruntime-web/webgpu")),
  );
  const compiler = { target: targetWith({ dtype, hasHalves }), openGraph, ...askedOf(options) };
  return { detail: `${detail}${inWords[dtype]}, WebGPU: ${words}`, threads, compiler };
}
