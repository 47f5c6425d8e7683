import { cpus } from "node:os";
import { createRequire } from "node:module";
import { engineNames, type EngineName, type EngineStatus } from "./engine.ts";
import { inspectOnnx } from "./onnx.ts";
import { inspectTensorflow } from "./tensorflow.ts";
import { inspectWebgpu } from "./webgpu.ts";

const require = createRequire(import.meta.url);

function versionOf(reference: string): string {
  return (require(`${reference}/package.json`) as { version: string }).version;
}

/** What is known about one engine without starting it. */
export function inspectEngine(name: EngineName): EngineStatus {
  switch (name) {
    case "tensorflow":
    case "tensorflow-gpu":
      return inspectTensorflow(name);
    case "onnx":
    case "onnx-gpu":
      return inspectOnnx(name);
    case "webgpu":
      return inspectWebgpu();
    case "wasm": {
      const detail = `tfjs-backend-wasm ${versionOf("@tensorflow/tfjs-backend-wasm")}, SIMD, 1 thread`;
      return { name, available: true, detail };
    }
    case "cpu": {
      const detail = `tfjs-backend-cpu ${versionOf("@tensorflow/tfjs-backend-cpu")}, plain JavaScript, ${cpus()[0]?.model.trim() ?? "CPU"}`;
      return { name, available: true, detail };
    }
  }
}

/** The state of every engine, fastest first. */
export function inspectEngines(): EngineStatus[] {
  return engineNames.map((name) => inspectEngine(name));
}
