import { loadOnnxApi, type Handle, type OnnxApi } from "./api.ts";
import { createTensorViews, type TensorViews } from "./tensors.ts";

/** ONNX Runtime, loaded once for the process. */
export interface OnnxEnvironment {
  readonly api: OnnxApi;
  readonly handle: Handle;
  readonly views: TensorViews;
  /** Threads of the pool that sessions share. */
  readonly threads: number;
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
  const handle = make((place) =>
    call.CreateEnvWithGlobalThreadPools(warning, "clip-ts", pool, place),
  );
  call.ReleaseThreadingOptions(pool);
  const memory = make((place) => call.CreateCpuMemoryInfo(arenaAllocator, defaultMemory, place));
  check(call.CreateAndRegisterAllocator(handle, memory, defaultArena));
  return { api, handle, views: createTensorViews(api, memory), threads };
}

/**
 * The process's ONNX Runtime. The first caller decides how many threads there are: sessions that share
 * one pool do not wait for each other's idle threads.
 */
export function onnxEnvironment(path: string, threads: number): OnnxEnvironment {
  opened ??= open(path, threads);
  return opened;
}
