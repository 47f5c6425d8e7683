import { ClipError, isClipError } from "@clip-ts/base";
import "@clip-ts/core/gradients"; // for whatever engine computes
import { repairWasmBackend } from "@clip-ts/core/wasm";
import "@tensorflow/tfjs-backend-cpu";
import { enableProdMode, setBackend } from "@tensorflow/tfjs-core";
import type { WeightsDtype } from "@clip-ts/onnx";
import { dumpGraphs } from "./dump-graphs.ts";
import {
  automaticEngines,
  engineNames,
  gpuEngineNames,
  refuseMissingEngine,
  thisProcessor,
  type Compiler,
  type Device,
  type EngineName,
  type EngineOptions,
  type EngineStatus,
  type Slowdown,
  type StartedEngine,
} from "./engine.ts";
import { inspectEngine } from "./inspect.ts";
import { loadOnnx, loadOnnxOnGpu } from "./onnx.ts";
import { loadTensorflow, tensorflowCompiler } from "./tensorflow.ts";
import { loadWebgpu } from "./webgpu.ts";

/** An engine that is loaded: its tfjs backend, and what compiles for it. */
interface Loaded {
  readonly backend: string;
  readonly detail: string;
  readonly gemm?: string;
  readonly compiler?: Compiler;
}

async function loadWasm(): Promise<string> {
  await import("@tensorflow/tfjs-backend-wasm");
  repairWasmBackend();
  return "wasm";
}

/** @throws ClipError "bad-config" if an engine has no matmuls of bfloat16 numbers. */
function refuseToRound(name: EngineName): void {
  if (name === "tensorflow" || name === "tensorflow-gpu") return;
  throw new ClipError(
    "bad-config",
    `The engine "${name}" computes in f32 only. For bf16 use the engine tensorflow ` +
      "(clip-ts setup tensorflow), or leave out the precision.",
    { data: { name } },
  );
}

function startTensorflow(name: "tensorflow" | "tensorflow-gpu", options: EngineOptions): Loaded {
  const { detail, gemm, own } = loadTensorflow(name, options);
  const compiler = tensorflowCompiler({ precision: options.precision, ...own });
  return { backend: "tensorflow", detail, gemm, compiler };
}

/** The engines that keep weights with fewer bits. */
const narrowEngines: Readonly<Record<Exclude<WeightsDtype, "f32">, readonly EngineName[]>> = {
  f16: ["onnx-gpu", "onnx"],
  q8: ["onnx"],
};

/** Why an engine cannot keep weights as `dtype`; undefined if it can. */
function lackOf(name: EngineName, dtype: WeightsDtype = "f32"): string | undefined {
  if (dtype === "f32") return undefined;
  const known: readonly WeightsDtype[] = ["f16", "q8"];
  if (!known.includes(dtype)) {
    throw new ClipError("bad-config", `There is no dtype "${dtype as string}": expected f32, f16 or q8.`);
  }
  return narrowEngines[dtype].includes(name) ? undefined : `keeps no weights as ${dtype}`;
}

/** @throws ClipError "bad-config" if an engine keeps no weights as `dtype`. */
function refuseDtype(name: EngineName, dtype: EngineOptions["dtype"]): void {
  const lack = lackOf(name, dtype);
  if (lack === undefined || dtype === undefined || dtype === "f32") return;
  const [...able] = narrowEngines[dtype];
  throw new ClipError(
    "bad-config",
    `The engine "${name}" ${lack}. Use the engine ${able.join(" or ")}, or leave out the dtype.`,
    { data: { name, dtype } },
  );
}

/** Registers the backend of an engine and says what it is. */
async function load({ name, detail }: EngineStatus, { precision, threads, dtype }: EngineOptions): Promise<Loaded> {
  if (precision === "bf16") refuseToRound(name);
  refuseDtype(name, dtype);
  switch (name) {
    case "tensorflow":
    case "tensorflow-gpu":
      return startTensorflow(name, { precision, threads });
    case "onnx": // what is not compiled runs beside it
      return { backend: await loadWasm(), ...loadOnnx({ threads, dtype }) };
    case "onnx-gpu":
      return { backend: await loadWasm(), ...(await loadOnnxOnGpu({ threads, dtype })) };
    case "webgpu":
      return { backend: "webgpu", ...(await loadWebgpu()) };
    case "wasm":
      return { backend: await loadWasm(), detail };
    case "cpu":
      return { backend: "cpu", detail };
  }
}

/** Starts one engine and says what it is. @throws ClipError "engine-unavailable" with the reason. */
async function launch(status: EngineStatus, options: EngineOptions): Promise<Omit<Loaded, "backend">> {
  enableProdMode(); // tfjs's own banner and checks; ours stay
  dumpGraphs();
  try {
    const { backend, ...loaded } = await load(status, options);
    if (!(await setBackend(backend))) throw new Error(`the backend "${backend}" does not start`);
    return loaded;
  } catch (cause) {
    if (isClipError(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClipError(
      "engine-unavailable",
      `The engine "${status.name}" (${status.detail}) is installed but does not start: ${reason}`,
      { data: { ...status }, cause },
    );
  }
}

/** What an engine keeps weights as, if that is not f32. */
function keptAs({ dtype = "f32" }: EngineOptions): Pick<StartedEngine, "dtype"> {
  return dtype === "f32" ? {} : { dtype };
}

async function startNamed(name: string, options: EngineOptions): Promise<StartedEngine> {
  if (!engineNames.includes(name as EngineName)) {
    throw new ClipError("bad-config", `There is no engine "${name}". Engines: auto, ${engineNames.join(", ")}.`, {
      data: { name },
    });
  }
  const status = inspectEngine(name as EngineName);
  refuseMissingEngine(status);
  return { name: status.name, ...(await launch(status, options)), ...keptAs(options), reason: "asked for" };
}

/** The engine of this name on this device. @throws ClipError "bad-config" if it runs elsewhere only. */
function onDevice(name: string, device: Device | undefined): string {
  if (device === undefined || !engineNames.includes(name as EngineName)) return name;
  const isGpu = (engine: string): boolean => gpuEngineNames.includes(engine as EngineName);
  const named = device === "gpu" && isGpu(`${name}-gpu`) ? `${name}-gpu` : name;
  if (isGpu(named) === (device === "gpu")) return named;
  throw new ClipError(
    "bad-config",
    `The engine "${name}" does not compute on the ${device.toUpperCase()}. Leave out the engine or the device.`,
    { data: { name, device } },
  );
}

/** Why the fastest engine that starts is no faster. */
function explainChoice(missing: readonly string[], isWithoutGpu: boolean): string {
  if (missing.length === 0) return "the fastest there is";
  const refusals = missing.join("; ");
  return isWithoutGpu ? `no GPU can be used, so the CPU computes (${refusals})` : refusals;
}

/** Why ONNX Runtime comes first where it does. */
function onThisProcessor(name: EngineName): string {
  if (name !== "onnx" || thisProcessor().hasAvx512 !== false) return "";
  return "; faster than TensorFlow on a processor without AVX-512";
}

/** How much slower than ONNX Runtime the engines are that need no package but tfjs's. */
const slowness: Partial<Record<EngineName, string>> = {
  wasm: "about ten times slower",
  cpu: "far slower",
};

/** What to install where an engine that is never missing was the only one left. */
function slowdownOf(name: EngineName): { readonly slowdown?: Slowdown } {
  const slower = slowness[name];
  const { detail, fix } = inspectEngine("onnx");
  if (slower === undefined || fix === undefined) return {};
  return { slowdown: { said: `${detail}: ${name} computes, ${slower}`, fix } };
}

async function startFastest({ device, refused = {}, ...options }: StartOptions): Promise<StartedEngine> {
  const missing: string[] = [];
  for (const name of automaticEngines(device)) {
    const status = inspectEngine(name);
    const lack = refused[name] ?? lackOf(name, options.dtype) ?? (status.available ? undefined : status.detail);
    if (lack !== undefined) {
      missing.push(`${name}: ${lack}`);
      continue;
    }
    try {
      const loaded = await launch(status, options);
      const isWithoutGpu = device === "gpu" && !gpuEngineNames.includes(name);
      const reason = `${explainChoice(missing, isWithoutGpu)}${onThisProcessor(name)}`;
      return { name, ...loaded, ...keptAs(options), reason, ...slowdownOf(name) };
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ClipError("engine-unavailable", `No engine could be started: ${missing.join("; ")}.`);
}

/** Which engine is wanted, and how it computes. */
export interface StartOptions extends EngineOptions {
  /** Where to compute; the automatic choice falls back to the CPU. */
  readonly device?: Device | undefined;
  /** Engines that the automatic choice passes over, and why, by name. */
  readonly refused?: Readonly<Partial<Record<EngineName, string>>> | undefined;
}

/**
 * Starts an engine for the whole process: the one named, or with "auto" the fastest that can run here.
 * Threads are settled by the first start. A device narrows the choice; where "gpu" finds none, the CPU computes and the reason says why.
 * @throws ClipError "engine-unavailable" if the one named cannot run, with the way to change that.
 */
export async function startEngine(
  name: EngineName | "auto" = "auto",
  options: StartOptions = {},
): Promise<StartedEngine> {
  if (name === "auto") return startFastest(options);
  const { device, refused: _refused, ...how } = options;
  return startNamed(onDevice(name, device), how);
}
