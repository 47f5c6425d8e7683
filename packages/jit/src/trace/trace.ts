import { ClipError } from "@clip-ts/base";
import {
  backend as startedBackend,
  engine,
  getBackend,
  setBackend,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { Dtype, Graph, NamedValue } from "../ir/graph.ts";
import { traceBackend, traceBackendName } from "./backend.ts";
import { createRecorder } from "./recorder.ts";

/** What a traced function is told about one of its inputs. */
export interface InputSpec {
  readonly shape: readonly number[];
  /** float32 by default. */
  readonly dtype?: Dtype;
}

/** Tensors by name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/**
 * Runs a tfjs function once on tensors that only have shapes, and returns what it did as a graph.
 * Gradients taken inside are part of it. The function must be synchronous and must not read values;
 * tensors it creates become constants.
 * @throws ClipError "unsupported" naming an operation that cannot be traced, or the place that reads.
 */
export function trace(
  run: (inputs: NamedTensors) => NamedTensors,
  inputs: Readonly<Record<string, InputSpec>>,
): Graph {
  const previous = runningEngine();
  const backend = traceBackend();
  const recorder = createRecorder();
  const named: NamedValue[] = Object.entries(inputs).map(
    ([name, { shape, dtype = "float32" }]) => ({
      name,
      value: recorder.value(shape, dtype),
    }),
  );
  backend.recorder = recorder;
  try {
    useBackend(traceBackendName);
    let outputs: NamedValue[] = [];
    tidy(() => {
      const tensors = named.map(({ name, value }): [string, Tensor] => {
        const info = backend.adopt(value, `input ${name}`);
        return [name, engine().makeTensorFromTensorInfo(info, backend)];
      });
      const results = run(Object.fromEntries(tensors));
      outputs = Object.entries(results).map(([name, tensor]) => ({
        name,
        value: backend.valueBehind(tensor),
      }));
    });
    return { inputs: named, constants: recorder.constants, nodes: recorder.nodes, outputs };
  } finally {
    backend.recorder = undefined;
    useBackend(previous);
  }
}

/** The engine to go back to; the best one is started if none runs yet. */
function runningEngine(): string {
  startedBackend();
  return getBackend();
}

/** Switches synchronously: the recorder needs no start-up, and the previous engine is running. */
function useBackend(name: string): void {
  const tfjs = engine();
  if (name === traceBackendName) traceBackend();
  const instance = tfjs.findBackend(name);
  if (instance == null) {
    throw new ClipError("engine-unavailable", `The engine "${name}" is not running.`);
  }
  void setBackend(name);
}
