import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { optimize, type Target } from "@clip-ts/jit";
import {
  compileTensorflow,
  tensorflowLoader,
  type FolderAccess,
  type OwnOperations,
  type Precision,
} from "@clip-ts/tensorflow";
import { describeThreads, thisProcessor, type Compiler, type EngineOptions, type EngineStatus } from "./engine.ts";
import { collectingGarbage } from "./memory.ts";
import { describeGemm, loadOwnOperations, type LoadedOperations } from "./own-operations.ts";

/** What NVIDIA's driver says of the first card: "NVIDIA H200"; undefined without driver or card. */
export function graphicsCard(command = "nvidia-smi"): string | undefined {
  try {
    const argv = ["--query-gpu=name", "--format=csv,noheader"];
    const options = { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] };
    const names = execFileSync(command, argv, options as { encoding: "utf8" });
    return names.split("\n")[0]?.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whether matmuls take 10-bit mantissas on cards that can (TensorFloat-32), as TensorFlow starts. */
export function tensorFloat32(environment: NodeJS.ProcessEnv = process.env): string {
  return environment["NVIDIA_TF32_OVERRIDE"] === "0"
    ? "TF32 off"
    : "TF32 where the card has it (NVIDIA_TF32_OVERRIDE=0 turns it off)";
}

/**
 * Gives Node's module `util` the two helpers that tfjs-node 4.22 calls: Node 22 warns of each call of its
 * own, Node 23 dropped them. Refers to nothing outside, so that its text runs in another process too.
 */
export function restoreNodeHelpers(util: Record<string, unknown>): void {
  util["isNullOrUndefined"] = (value: unknown): boolean => value === undefined || value === null;
  util["isArray"] = Array.isArray;
}

const require = createRequire(import.meta.url);

type TensorflowEngine = "tensorflow" | "tensorflow-gpu";

/** Packages that can run an engine, best first: the one made for GPUs also runs without. */
const packagesOf: Readonly<Record<TensorflowEngine, readonly [string, ...string[]]>> = {
  tensorflow: ["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"],
  "tensorflow-gpu": ["@tensorflow/tfjs-node-gpu"],
};

interface InstalledPackage {
  readonly reference: string;
  readonly folder: string;
  readonly version: string;
  /** Whether its compiled part, which npm does not carry, is there. */
  readonly isNative: boolean;
}

/** A package, if its JavaScript is installed. */
function findPackage(reference: string): InstalledPackage | undefined {
  try {
    const manifest = require.resolve(`${reference}/package.json`);
    const { version } = require(manifest) as { version: string };
    const addon = join(dirname(manifest), "lib", "napi-v8", "tfjs_binding.node");
    return { reference, folder: dirname(manifest), version, isNative: existsSync(addon) };
  } catch {
    return undefined;
  }
}

function findPackages(name: TensorflowEngine): InstalledPackage[] {
  return packagesOf[name].map(findPackage).filter((found) => found !== undefined);
}

/** Whether tfjs-node or tfjs-node-gpu is installed with its native part. Loads nothing. */
export function inspectTensorflow(name: TensorflowEngine): EngineStatus {
  const found = findPackages(name);
  const native = found.find(({ isNative }) => isNative);
  if (native !== undefined) {
    return { name, available: true, detail: `${native.reference} ${native.version}` };
  }
  const [wanted] = packagesOf[name];
  const installed = found.find(({ reference }) => reference === wanted);
  if (installed === undefined) {
    const fix = `npm install ${wanted}@4.22.0`;
    return { name, available: false, detail: `${wanted} is not installed`, fix };
  }
  const detail = `${wanted} ${installed.version} is installed without its native part`;
  if (process.platform !== "linux") {
    return { name, available: false, detail: `${detail}, which clip-ts builds on Linux only` };
  }
  const fix = `clip-ts setup tensorflow${name === "tensorflow-gpu" ? " --gpu" : ""}`;
  return { name, available: false, detail, fix };
}

/** What of tfjs-node's backend is used here. */
interface NodeBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

/** TensorFlow in this process. */
interface Running {
  readonly backend: NodeBackend;
  readonly own: LoadedOperations;
}

/** One of the two packages at most: both would register the same kernels. */
let running: Running | undefined;

function loadBackend(name: TensorflowEngine, threads: number | undefined): Running {
  const native = findPackages(name).find(({ isNative }) => isNative);
  const [wanted] = packagesOf[name];
  // TensorFlow would take the whole card otherwise, and greet on stderr.
  process.env["TF_FORCE_GPU_ALLOW_GROWTH"] ??= "true";
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  if (threads !== undefined) {
    process.env["TF_NUM_INTRAOP_THREADS"] = String(threads);
    process.env["TF_NUM_INTEROP_THREADS"] = String(threads);
  }
  restoreNodeHelpers(require("node:util") as Record<string, unknown>);
  const { findBackend } = require(native?.reference ?? wanted) as {
    readonly findBackend: (name: "tensorflow") => NodeBackend;
  };
  const backend = findBackend("tensorflow");
  // They are for CPUs; on a GPU each would fetch its operands from the card.
  const isOurs = native !== undefined && !backend.isUsingGpuDevice;
  const { TF_Version: version } = backend.binding;
  return { backend, own: isOurs ? loadOwnOperations(native.folder, version) : {} };
}

const describeDevice = (isGpu: boolean, threads = availableParallelism()): string =>
  isGpu ? `GPU ${graphicsCard() ?? ""}, ${tensorFloat32()}` : `CPU, ${describeThreads(threads)}`;

/** Says so where rounding to bfloat16 costs time instead of saving it. */
function describeBf16(isOnGpu: boolean): string {
  const isSlow = !isOnGpu && thisProcessor().hasBf16 === false;
  return isSlow ? ", bf16 matmuls (slower than f32: this processor multiplies no bfloat16 numbers)" : ", bf16 matmuls";
}

/**
 * Loads the native library, which registers tfjs's backend "tensorflow".
 * @throws ClipError "engine-unavailable" if a GPU was asked for and TensorFlow finds none.
 */
export function loadTensorflow(
  name: TensorflowEngine,
  { precision = "f32", threads }: EngineOptions = {},
): { readonly detail: string; readonly own: OwnOperations; readonly gemm: string } {
  running ??= loadBackend(name, threads);
  const { backend, own } = running;
  const { isUsingGpuDevice, binding } = backend;
  if (name === "tensorflow-gpu" && !isUsingGpuDevice) {
    throw new ClipError(
      "engine-unavailable",
      `TensorFlow ${binding.TF_Version} finds no GPU that it can use. ` +
        "Check the driver (nvidia-smi) and that its CUDA libraries are on LD_LIBRARY_PATH.",
    );
  }
  const device = describeDevice(isUsingGpuDevice, threads);
  const matmuls = precision === "bf16" ? describeBf16(isUsingGpuDevice) : "";
  const fused = own.hasOwnOperations === true ? ", fused rows" : "";
  const { gemm: _, ...operations } = own;
  const ours = own.hasOwnGemm === true ? ", own GEMM" : "";
  const detail = `TensorFlow ${binding.TF_Version}, ${device}${matmuls}${fused}${ours}`;
  return { detail, own: operations, gemm: describeGemm(own, isUsingGpuDevice) };
}

/** SavedModels are read from folders; these live as long as TensorFlow needs them. */
const folders: FolderAccess = {
  async create(files) {
    const folder = await mkdtemp(join(tmpdir(), "clip-ts-graph-"));
    for (const [name, bytes] of Object.entries(files)) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes);
    }
    return folder;
  },
  remove: (folder) => rm(folder, { recursive: true, force: true }),
};

/** Traced graphs and trainings as TensorFlow graphs; the backend must be loaded. */
export function tensorflowCompiler({
  precision = "f32",
  ...own
}: OwnOperations & { readonly precision?: Precision | undefined }): Compiler {
  const target: Target = (graph, { lasting = [] } = {}) =>
    compileTensorflow(optimize(graph), { folders, precision, lasting, ...own });
  return {
    target: Object.assign(target, { prefersOpenSizes: true }),
    load: collectingGarbage(tensorflowLoader({ folders, precision, ...own })),
  };
}
