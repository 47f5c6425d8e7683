import { isClipError } from "@clip-ts/base";
import { createTensorViews, loadOnnxApi, type Handle, type OnnxApi, type TensorViews } from "./api.ts";

/** ONNX Runtime, loaded once for the process. */
export interface OnnxEnvironment {
  readonly api: OnnxApi;
  readonly handle: Handle;
  readonly views: TensorViews;
  /** Threads of the pool that sessions share. */
  readonly threads: number;
  /**
   * Whether there is such a pool: not where something else of the process opened ONNX Runtime before, such as its
   * JavaScript binding for @huggingface/transformers. Found out by the first session.
   */
  readonly pool: { isShared: boolean };
}

const warning = 2;
const arenaAllocator = 1;
const defaultMemory = 0;
const defaultArena = 0;

let opened: OnnxEnvironment | undefined;

function open(path: string, threads: number): OnnxEnvironment {
  const api = loadOnnxApi(path);
  const { call, make, check } = api;
  const pool = make((place) => call.CreateThreadingOptions(place));
  check(call.SetGlobalIntraOpNumThreads(pool, threads));
  const handle = make((place) => call.CreateEnvWithGlobalThreadPools(warning, "clip-ts", pool, place));
  call.ReleaseThreadingOptions(pool);
  const memory = make((place) => call.CreateCpuMemoryInfo(arenaAllocator, defaultMemory, place));
  check(call.CreateAndRegisterAllocator(handle, memory, defaultArena));
  return { api, handle, views: createTensorViews(api, memory), threads, pool: { isShared: true } };
}

/**
 * The process's ONNX Runtime. The first caller decides how many threads there are: sessions that share
 * one pool do not wait for each other's idle threads.
 */
export function onnxEnvironment(path: string, threads: number): OnnxEnvironment {
  opened ??= open(path, threads);
  return opened;
}

/** How a session runs. */
export interface SessionOptions {
  /** Threads that share an operation, the calling one included. */
  readonly threads: number;
}

/** Every optimisation of ONNX Runtime's, those for this very processor included. */
const allOptimizations = 99;
const errorsOnly = 3;

function optionsOf(environment: OnnxEnvironment, { threads }: SessionOptions): Handle {
  const { call, check, make } = environment.api;
  const options = make((place) => call.CreateSessionOptions(place));
  check(call.SetSessionGraphOptimizationLevel(options, allOptimizations));
  check(call.SetSessionLogSeverityLevel(options, errorsOnly));
  // Planning memory ahead reserves one block beside what the first run took: more memory, no gain.
  check(call.DisableMemPattern(options));
  // One arena for all sessions: what one graph is done with serves the next.
  check(call.AddSessionConfigEntry(options, "session.use_env_allocators", "1"));
  const isShared = environment.pool.isShared && threads === environment.threads;
  if (isShared) check(call.DisablePerSessionThreads(options));
  else check(call.SetIntraOpNumThreads(options, threads));
  const profile = process.env["CLIP_TS_ONNX_PROFILE"];
  if (profile !== undefined && process.platform !== "win32") {
    check(call.EnableProfiling(options, profile));
  }
  return options;
}

/** Gives a model to ONNX Runtime, on a thread of its own. */
async function tryToCreate(bytes: Uint8Array, environment: OnnxEnvironment, options: SessionOptions): Promise<Handle> {
  const { api, handle } = environment;
  const place = new BigUint64Array(1);
  const settings = optionsOf(environment, options);
  try {
    const status = await api.call.CreateSessionFromArray.later(handle, bytes, bytes.length, settings, place);
    api.check(status);
    return place[0] as Handle;
  } finally {
    api.call.ReleaseSessionOptions(settings);
  }
}

/** What ONNX Runtime says of sessions without threads of their own, where there is no pool. */
const noPool = /GlobalThreadPools\(\) was false/u;

/** Gives a model to ONNX Runtime, on a thread of its own. The caller releases the session. */
export async function createSession(
  bytes: Uint8Array,
  environment: OnnxEnvironment,
  options: SessionOptions,
): Promise<Handle> {
  try {
    return await tryToCreate(bytes, environment, options);
  } catch (error) {
    if (!environment.pool.isShared || !isClipError(error) || !noPool.test(error.message)) throw error;
    environment.pool.isShared = false;
    return tryToCreate(bytes, environment, options);
  }
}
