import { repairWasmBackend } from "@clip-ts/core/wasm";
import { setBackend } from "@tensorflow/tfjs-core";

/** Runs what follows on tfjs's cpu backend (the oracle) or on the repaired wasm backend. */
export async function useEngine(name: "cpu" | "wasm"): Promise<void> {
  if (name === "wasm") {
    await import("@tensorflow/tfjs-backend-wasm");
    repairWasmBackend();
  }
  if (!(await setBackend(name))) throw new Error(`The ${name} backend did not start.`);
}
