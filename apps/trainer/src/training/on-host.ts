import { getBackend, setBackend } from "@tensorflow/tfjs-core";

/**
 * Runs something whose tensors are to be plain arrays in JavaScript's memory, on tfjs's cpu backend. For
 * state that a compiled program holds or takes over: on wasm it would be copied into a heap that never
 * shrinks.
 */
export async function onHost<Result>(run: () => Result | Promise<Result>): Promise<Result> {
  const engine = getBackend();
  await setBackend("cpu");
  try {
    return await run();
  } finally {
    await setBackend(engine);
  }
}
