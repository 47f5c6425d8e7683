import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { flatLoader, optimize, trace, type LoadOptions, type Target } from "@clip-ts/jit";
import {
  compileOnnx,
  onnxGraphs,
  type OpenGraph,
  type NarrowArithmetic,
  type OnnxOptions,
  type OnnxRuntime,
  type WeightsDtype,
} from "@clip-ts/onnx";
import { matMul, ready } from "@tensorflow/tfjs-core";
import {
  describeThreads,
  refuseMissingEngine,
  thisProcessor,
  type Compiler,
  type EngineOptions,
  type EngineStatus,
} from "./engine.ts";
import { collectingGarbage } from "./memory.ts";
import { openNativeOnnx } from "./onnx-native/compile.ts";

/** ONNX Runtime's ways to a GPU, fastest first, as it names them and as people do. */
const providers = [
  { provider: "cuda", title: "CUDA" },
  { provider: "webgpu", title: "WebGPU" },
] as const;

/** CUDA comes as a library beside the runtime, fetched by its installer where scripts may run. */
function isInstalled(provider: string): boolean {
  if (provider !== "cuda") return true;
  const root = dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  const folder = join(root, "bin", "napi-v6", process.platform, process.arch);
  return readdirSync(folder).some((file) => file.includes("providers_cuda"));
}

const two = { data: Float32Array.of(2), shape: [1, 1] };

/** Multiplies 2 by 2 there. @throws what the runtime says if it cannot. */
async function tryTarget(target: Target): Promise<void> {
  await ready(); // tracing asks tfjs for its backend, which may not have started yet
  const graph = trace(({ a }) => ({ square: matMul(a, a) }), { a: two });
  const compiled = await target(graph);
  const { square } = await compiled.run({ a: two });
  await compiled.dispose();
  if (square?.data[0] !== 4) throw new Error(`2 times 2 came out as ${square?.data[0]}`);
}

/**
 * The first provider that multiplies on a GPU here; what a provider cannot run falls back to the CPU.
 * @throws ClipError "engine-unavailable" with what each provider said.
 */
async function findGpuProvider(
  targetOf: (options: Pick<OnnxOptions, "providers">) => Target,
): Promise<{ readonly title: string; readonly providers: readonly string[] }> {
  const refusals: string[] = [];
  for (const { provider, title } of providers) {
    if (!isInstalled(provider)) {
      refusals.push(`${title}: its library is not installed`);
      continue;
    }
    try {
      await tryTarget(targetOf({ providers: [provider] }));
      return { title, providers: [provider] };
    } catch (error) {
      const [said = ""] = String(error instanceof Error ? error.message : error).split("\n");
      refusals.push(`${title}: ${said.replace(/^.*was false\. /u, "")}`);
    }
  }
  throw new ClipError(
    "engine-unavailable",
    `ONNX Runtime reaches no GPU. ${refusals.join("; ")}. ` +
      "Install the GPU's driver, with Vulkan's loader on Linux (libvulkan1).",
  );
}

const require = createRequire(import.meta.url);
const reference = "onnxruntime-node";

/**
 * The line that installs ONNX Runtime where its installer cannot download CUDA's part: npm leaves the
 * package out there. Only Linux has that part, and only shells of its kind take settings before a command.
 */
function installLine(): string {
  const { optionalDependencies } = require("../package.json") as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  const setting = process.platform === "win32" ? "" : "ONNXRUNTIME_NODE_INSTALL=skip ";
  return `${setting}npm install ${reference}@${optionalDependencies[reference]}`;
}

/** Whether ONNX Runtime is installed with its native part, which its npm package carries. */
export function inspectOnnx(name: "onnx" | "onnx-gpu"): EngineStatus {
  try {
    const { version } = require(`${reference}/package.json`) as { version: string };
    require.resolve(reference);
    const device = name === "onnx" ? `CPU, ${describeThreads(availableParallelism())}` : "GPU";
    const detail = `traced and compiled by ONNX Runtime ${version}, ${device}`;
    return { name, available: true, detail };
  } catch {
    const detail = `${reference} is not installed`;
    return { name, available: false, detail, fix: installLine() };
  }
}

/** Shapes of batches that stay compiled where all graphs share memory: every length of a caption. */
const keptShapes = 16;

function compilerOf(target: Target, limits: Pick<LoadOptions, "maxCompiled"> = {}): Compiler {
  const optimized: Target = (graph, use) => target(optimize(graph), use);
  const load = collectingGarbage(flatLoader(optimized));
  return {
    target: optimized,
    load: (functions, state, { maxCompiled = limits.maxCompiled, onCompile } = {}) =>
      load(functions, state, { maxCompiled, onCompile }),
  };
}

function bindingTarget(options: Omit<OnnxOptions, "runtime">): Target {
  const runtime = require(reference) as OnnxRuntime;
  return (graph) => compileOnnx(graph, { runtime, ...options });
}

/** What ONNX Runtime is, and what it compiles. */
interface LoadedOnnx {
  readonly detail: string;
  readonly compiler: Compiler;
}

/** What is refused of a compiler that keeps weights with fewer bits: a step would be lost in their rounding. */
function refuseTraining(dtype: WeightsDtype): never {
  throw new ClipError(
    "bad-config",
    `Weights kept as ${dtype} cannot be trained: what a step changes is less than what rounding leaves of it. Train in ` +
      `f32 (leave dtype out), and open what comes of it with dtype "${dtype}".`,
    { data: { dtype } },
  );
}

/** What embeds with weights of fewer bits: they become part of what is compiled. */
function narrowCompiler(target: Target, dtype: WeightsDtype): Compiler {
  const optimized: Target = (graph, use) => target(optimize(graph), use);
  return {
    target: Object.assign(optimized, { prefersOpenSizes: true, needsConstants: true }),
    load: () => refuseTraining(dtype),
  };
}

const inWords: Readonly<Record<Exclude<WeightsDtype, "f32">, string>> = {
  f16: "weights in half precision",
  q8: "weights of 8 bits",
};

/** What this processor has for fewer bits. */
const arithmeticHere = (): NarrowArithmetic => ({ hasByteProducts: thisProcessor().hasVnni === true });

/** Stored graphs on ONNX Runtime's JavaScript binding, which keeps JavaScript waiting while one runs. */
function openerOf(options: Omit<OnnxOptions, "runtime">): OpenGraph {
  return (file) => onnxGraphs({ runtime: require(reference) as OnnxRuntime, ...options })(file);
}

/**
 * Runs stored graphs on the CPU, beside whatever engine runs.
 * @throws ClipError "engine-unavailable" if ONNX Runtime is not installed.
 */
export function graphOpener({ threads = availableParallelism() }: EngineOptions = {}): OpenGraph {
  refuseMissingEngine(inspectOnnx("onnx"));
  return openerOf({ threads, arithmetic: arithmeticHere() });
}

/**
 * Loads ONNX Runtime on the CPU: called directly where that works, else through its JavaScript binding,
 * which copies every result and keeps JavaScript waiting.
 */
export function loadOnnx({ threads = availableParallelism(), dtype: asked }: EngineOptions = {}): LoadedOnnx {
  const dtype = asked ?? "f32";
  const { version } = require(`${reference}/package.json`) as { version: string };
  const kept = dtype === "f32" ? "" : `, ${inWords[dtype]}`;
  const detail = `traced and compiled by ONNX Runtime ${version}, CPU, ${describeThreads(threads)}${kept}`;
  const native = openNativeOnnx(threads);
  const arithmetic = arithmeticHere();
  const graphs = { openGraph: openerOf({ threads, arithmetic }), ...(asked !== undefined && { dtype: asked }) };
  if ("target" in native) {
    const { target, narrowTarget } = native;
    if (dtype !== "f32")
      return { detail, compiler: { ...narrowCompiler(narrowTarget(dtype, arithmetic), dtype), ...graphs } };
    return { detail, compiler: { ...compilerOf(target, { maxCompiled: keptShapes }), ...graphs } };
  }
  const target = bindingTarget({ threads, dtype, arithmetic });
  return {
    detail: `${detail}, through its slower JavaScript binding: ${native.refusal}`,
    compiler: { ...(dtype === "f32" ? compilerOf(target) : narrowCompiler(target, dtype)), ...graphs },
  };
}

/**
 * Loads ONNX Runtime on a GPU, which has arithmetic of 16 bits; in 8 bits it would leave the work to the processor.
 * @throws ClipError "engine-unavailable" if it reaches none.
 */
export async function loadOnnxOnGpu({
  threads = availableParallelism(),
  dtype: asked,
}: EngineOptions = {}): Promise<LoadedOnnx> {
  const dtype = asked ?? "f32";
  const targetWith = (options: Pick<OnnxOptions, "providers">): Target =>
    compilerOf(bindingTarget({ threads, ...options })).target;
  const { title, providers } = await findGpuProvider(targetWith);
  const { version } = require(`${reference}/package.json`) as { version: string };
  const kept = dtype === "f32" ? "" : `, ${inWords[dtype]}`;
  const detail = `traced and compiled by ONNX Runtime ${version}, GPU through ${title}${kept}`;
  const target = bindingTarget({ threads, providers, dtype, arithmetic: { hasHalves: true } });
  const graphs = { openGraph: openerOf({ threads, providers }), ...(asked !== undefined && { dtype: asked }) };
  return { detail, compiler: { ...(dtype === "f32" ? compilerOf(target) : narrowCompiler(target, dtype)), ...graphs } };
}
