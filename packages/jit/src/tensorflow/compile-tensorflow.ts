import type { Graph } from "../ir/graph.ts";
import type { CompiledFunction } from "../program/target.ts";
import type { Precision } from "./graph-builder.ts";
import { openSession, type FolderAccess } from "./session.ts";
import { writeSavedModel } from "./write-saved-model.ts";

/** Makes a pure function ready to run in TensorFlow; tfjs's backend "tensorflow" must be loaded. */
export async function compileTensorflow(
  graph: Graph,
  options: { readonly folders: FolderAccess; readonly precision?: Precision },
): Promise<CompiledFunction> {
  const { folders, precision = "f32" } = options;
  const model = writeSavedModel({ steps: { run: { graph } }, precision });
  const session = await openSession(model, folders);
  return {
    run: (inputs, into) => session.run("run", inputs, into),
    dispose: () => session.dispose(),
  };
}
