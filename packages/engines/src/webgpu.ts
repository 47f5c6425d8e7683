import { createRequire } from "node:module";
import { ClipError } from "@clip-ts/base";
import { env } from "@tensorflow/tfjs-core";
import type { EngineStatus } from "./engine.ts";

const require = createRequire(import.meta.url);
const driver = { reference: "webgpu", version: "0.6.2" };
const backend = { reference: "@tensorflow/tfjs-backend-webgpu", version: "4.22.0" };

function installedVersion(reference: string): string | undefined {
  try {
    return (require(`${reference}/package.json`) as { version: string }).version;
  } catch {
    return undefined;
  }
}

/** Whether Dawn and tfjs's WebGPU backend are installed. Looks for no GPU. */
export function inspectWebgpu(): EngineStatus {
  const name = "webgpu";
  const missing = [driver, backend].filter(({ reference }) => installedVersion(reference) === undefined);
  if (missing.length === 0) {
    const detail = `tfjs-backend-webgpu ${installedVersion(backend.reference)} on Dawn`;
    return { name, available: true, detail };
  }
  return {
    name,
    available: false,
    detail: `${missing.map(({ reference }) => reference).join(" and ")} not installed`,
    fix: `npm install ${missing.map(({ reference, version }) => `${reference}@${version}`).join(" ")}`,
  };
}

/** What is used of a graphics adapter. */
interface Adapter {
  readonly info: { readonly vendor: string; readonly architecture: string; description: string };
}

interface Gpu {
  requestAdapter(): Promise<Adapter | null>;
}

/** One for the process: a second would own other devices. */
let gpu: Gpu | undefined;

/** Gives Node what browsers call `navigator.gpu`; the backend looks for it while it is loaded. */
async function openGpu(): Promise<Gpu> {
  const reference = driver.reference; // a name, so that no bundler or compiler needs the package
  const { create, globals } = (await import(reference)) as {
    create(options: readonly string[]): Gpu;
    globals: object;
  };
  Object.assign(globalThis, globals);
  const opened = create([]);
  const navigator = { gpu: opened };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  return opened;
}

/**
 * Loads tfjs's WebGPU backend on Dawn, the WebGPU implementation of Chromium, which drives the GPU
 * through Vulkan, Metal or Direct3D. Values are read with `await tensor.data()` only.
 * @throws ClipError "engine-unavailable" if no adapter is found.
 */
export async function loadWebgpu(): Promise<{ readonly detail: string }> {
  gpu ??= await openGpu();
  const adapter = await gpu.requestAdapter();
  if (adapter === null) {
    throw new ClipError(
      "engine-unavailable",
      "WebGPU finds no graphics adapter. Install the GPU's driver, with Vulkan's loader on Linux (libvulkan1).",
    );
  }
  require(backend.reference);
  env().set("WEBGPU_CPU_FORWARD", false); // else small tensors are computed by tfjs's cpu backend
  const { vendor, architecture, description } = adapter.info;
  return { detail: `WebGPU, ${[vendor, architecture, description].filter(Boolean).join(", ")}` };
}
