import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { EngineStatus } from "./engine.ts";

const require = createRequire(import.meta.url);

type TensorflowEngine = "tensorflow" | "tensorflow-gpu";

const packageOf: Readonly<Record<TensorflowEngine, string>> = {
  tensorflow: "@tensorflow/tfjs-node",
  "tensorflow-gpu": "@tensorflow/tfjs-node-gpu",
};

interface PackageManifest {
  readonly version: string;
}

/** Where the package's compiled addon should lie, if the package is installed at all. */
function findAddon(name: TensorflowEngine): { version: string; addon: string } | undefined {
  try {
    const manifest = require.resolve(`${packageOf[name]}/package.json`);
    const { version } = require(manifest) as PackageManifest;
    return { version, addon: join(dirname(manifest), "lib", "napi-v8", "tfjs_binding.node") };
  } catch {
    return undefined;
  }
}

/** Whether tfjs-node or tfjs-node-gpu is installed with its native part. Loads nothing. */
export function inspectTensorflow(name: TensorflowEngine): EngineStatus {
  const found = findAddon(name);
  const reference = packageOf[name];
  if (found === undefined) {
    const fix = `npm install ${reference}@4.22.0`;
    return { name, available: false, detail: `${reference} is not installed`, fix };
  }
  if (!existsSync(found.addon)) {
    return {
      name,
      available: false,
      detail: `${reference} ${found.version} is installed without its native part`,
      fix: `run its installer (npm rebuild ${reference}), which fetches libtensorflow`,
    };
  }
  return { name, available: true, detail: `${reference} ${found.version}` };
}

/** Node 23 dropped two helpers that tfjs-node 4.22 calls. */
function restoreNodeHelpers(): void {
  const util = require("node:util") as Record<string, unknown>;
  util["isNullOrUndefined"] ??= (value: unknown): boolean => value == null;
  util["isArray"] ??= Array.isArray;
}

/** Loads the native library, which registers tfjs's backend "tensorflow". */
export function loadTensorflow(name: TensorflowEngine): { readonly detail: string } {
  // TensorFlow would take the whole card otherwise.
  process.env["TF_FORCE_GPU_ALLOW_GROWTH"] ??= "true";
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  restoreNodeHelpers();
  const tf = require(packageOf[name]) as {
    readonly version: Readonly<Record<string, string>>;
    readonly backend: () => {
      readonly isUsingGpuDevice?: boolean;
      readonly binding?: { TF_Version?: string };
    };
  };
  const backend = tf.backend();
  const device = backend.isUsingGpuDevice === true ? "GPU" : "CPU";
  return { detail: `TensorFlow ${backend.binding?.TF_Version ?? "(version unknown)"}, ${device}` };
}
