import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import { operationsPath } from "../own-operations.ts";
import { compileAddon, compileOperations, tryAddon, type TrialResult } from "./addon.ts";
import { fetchCudaLibraries, findLibraries } from "./libraries.ts";
import { tensorflowVersion, type SetupContext, type SetupOptions } from "./setup-options.ts";

const require = createRequire(import.meta.url);

/** The folder of tfjs-node's JavaScript, whose addon is to be built. */
function packageFolderOf(gpu: boolean): string {
  const name = gpu ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node";
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    throw new ClipError(
      "not-found",
      `${name} is not installed. Install its JavaScript first: npm install --ignore-scripts ${name}@4.22.0`,
      { data: { name } },
    );
  }
}

function contextOf(options: SetupOptions): SetupContext {
  const { gpu = false, environment = process.env, report = () => undefined } = options;
  const caches = environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const kind = `tensorflow-${tensorflowVersion}-${gpu ? "gpu" : "cpu"}`;
  return {
    gpu,
    wheelName: gpu ? "tensorflow" : "tensorflow-cpu",
    cache: join(options.cache ?? join(caches, "clip-ts"), kind),
    index: options.index ?? environment["PIP_INDEX_URL"],
    report,
    environment,
  };
}

/** What is there, if it works and is whole; a broken addon is built anew. */
async function worksAlready(
  packageFolder: string,
  { environment, report }: SetupContext,
): Promise<TrialResult | undefined> {
  if (!existsSync(join(packageFolder, "lib", "napi-v8", "tfjs_binding.node"))) return undefined;
  try {
    const result = await tryAddon(packageFolder, environment);
    return existsSync(operationsPath(packageFolder, result.version)) ? result : undefined;
  } catch {
    report("the native part that is there does not work; building it anew");
    return undefined;
  }
}

/** TensorFlow runs without clip-ts's own operations, only slower: what hinders them is told, no more. */
async function addOperations(
  place: { readonly packageFolder: string; readonly version: string },
  libraries: string,
  context: SetupContext,
): Promise<void> {
  try {
    await compileOperations(place, libraries, context);
  } catch (error) {
    if (!isClipError(error)) throw error;
    context.report(`  left out, steps take about a fifth longer: ${error.message}`);
  }
}

/** The libraries in TensorFlow's wheels, and how they are linked, are those of Linux. */
function needLinux(platform: NodeJS.Platform = process.platform): void {
  if (platform === "linux") return;
  throw new ClipError(
    "engine-unavailable",
    `TensorFlow's native part can be built on Linux only, and this is ${platform}. The engines onnx and wasm ` +
      "train here without any set-up.",
    { data: { platform } },
  );
}

/**
 * Gives tfjs-node its native part: finds TensorFlow's libraries (a folder given, pip, or a package
 * index), compiles the addon against them and tries it. May be repeated and continued at any point.
 * @throws ClipError saying which step failed and what to do.
 */
export async function setupTensorflow(
  options: SetupOptions & { readonly packageFolder?: string } = {},
): Promise<TrialResult> {
  needLinux(options.platform);
  const context = contextOf(options);
  const packageFolder = options.packageFolder ?? packageFolderOf(context.gpu);
  const present = options.from === undefined ? await worksAlready(packageFolder, context) : undefined;
  if (present !== undefined) {
    context.report(`TensorFlow ${present.version} is set up already and works`);
    return present;
  }
  const libraries = await findLibraries(options.from, context);
  context.report(`TensorFlow's libraries: ${libraries}`);
  if (context.gpu) await fetchCudaLibraries(libraries, context);
  await compileAddon(packageFolder, libraries, context);
  const result = await tryAddon(packageFolder, context.environment);
  context.report(`TensorFlow ${result.version} multiplies and takes gradients`);
  await addOperations({ packageFolder, version: result.version }, libraries, context);
  if (context.gpu && !result.gpu) {
    context.report("  but it finds no GPU: check the driver with nvidia-smi");
  }
  return result;
}
