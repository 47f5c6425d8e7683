import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { trace, type Target } from "@clip-ts/jit";
import type { OnnxOptions } from "@clip-ts/onnx";
import { matMul, ready } from "@tensorflow/tfjs-core";

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
export async function findGpuProvider(
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
