import {
  checkArray,
  type CompiledFunction,
  disposableFunction,
  type Graph,
  type HostArrays,
} from "@clip-ts/jit";
import type { OwnOperations, Precision } from "./graph-builder.ts";
import { openSession, type FolderAccess } from "./session.ts";
import { createTensorflowProgram } from "./tensorflow-program.ts";
import { writeSavedModel } from "./write-saved-model.ts";

/** How a pure function is compiled for TensorFlow. */
export interface TensorflowOptions extends OwnOperations {
  readonly folders: FolderAccess;
  readonly precision?: Precision;
  /** Inputs that TensorFlow keeps, rounded once, until another array comes for them. */
  readonly lasting?: readonly string[];
}

/** With inputs that stay in TensorFlow between runs. */
async function compileWithState(
  graph: Graph,
  { folders, lasting = [], ...how }: TensorflowOptions,
): Promise<CompiledFunction> {
  const kept = graph.inputs.filter(({ name }) => lasting.includes(name));
  const state = Object.fromEntries(kept.map(({ name, value }) => [name, value]));
  const program = await createTensorflowProgram(
    { state, steps: { run: { graph } }, ...how },
    folders,
  );
  let held: HostArrays = {};
  return disposableFunction({
    async run(inputs, into) {
      const given = kept.map(({ name, value }) => [name, checkArray(value, name, inputs[name])]);
      const next = Object.fromEntries(given) as HostArrays;
      if (kept.some(({ name }) => next[name] !== held[name])) await program.writeState(next);
      held = next;
      return program.run("run", inputs, into);
    },
    dispose: () => program.dispose(),
  });
}

/** Makes a pure function ready to run in TensorFlow; tfjs's backend "tensorflow" must be loaded. */
export async function compileTensorflow(
  graph: Graph,
  options: TensorflowOptions,
): Promise<CompiledFunction> {
  const { folders, lasting = [], ...how } = options;
  if (lasting.length > 0) return compileWithState(graph, options);
  const model = writeSavedModel({ steps: { run: { graph } }, ...how });
  const session = await openSession(model, folders);
  return disposableFunction({
    run: (inputs, into) => session.run("run", inputs, into),
    dispose: () => session.dispose(),
  });
}
