import { ClipError } from "@clip-ts/base";
import {
  dispose,
  engine,
  findBackend,
  getBackend,
  setBackend,
  type KernelBackend,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { dtypeOf, type HostArray, type HostArrays } from "@clip-ts/jit";
import type { Signature } from "./messages.ts";
import type { SavedModel } from "./write-saved-model.ts";

/** Where a SavedModel's files are put, for TensorFlow loads them from a folder. */
export interface FolderAccess {
  /** Writes files by name into a new folder. @returns its path. */
  create(files: Readonly<Record<string, Uint8Array>>): Promise<string>;
  /** Removes the folder and what is in it. */
  remove(folder: string): Promise<void>;
}

/** What of tfjs-node's backend is used here. */
interface NodeBackend extends KernelBackend {
  loadSavedModelMetaGraph(folder: string, tags: string): number;
  runSavedModel(
    session: number,
    inputs: readonly Tensor[],
    feeds: readonly { readonly name: string }[],
    fetches: readonly string[],
  ): Tensor[];
  deleteSavedModel(session: number): void;
}

/** A SavedModel in TensorFlow's hands. */
export interface TensorflowSession {
  /** Runs one entry point. Borrows the inputs; TensorFlow's thread pool does the work. */
  run(signature: string, inputs: HostArrays, into?: HostArrays): Promise<HostArrays>;
  dispose(): Promise<void>;
}

function tensorflowBackend(): NodeBackend {
  const backend = findBackend("tensorflow") as NodeBackend | null;
  if (backend?.runSavedModel !== undefined) return backend;
  throw new ClipError(
    "engine-unavailable",
    "Compiling for TensorFlow needs tfjs-node, which is not loaded. Start the engine tensorflow first.",
  );
}

/** Runs a function while tfjs makes its tensors on TensorFlow, whichever engine is in use. */
function onTensorflow<Result>(run: () => Result): Result {
  const current = getBackend();
  void setBackend("tensorflow");
  try {
    return run();
  } finally {
    void setBackend(current);
  }
}

/** Whether a shape is the one wanted, of which open sides are -1. */
const fits = (shape: readonly number[], wanted: readonly number[]): boolean =>
  shape.length === wanted.length &&
  wanted.every((side, axis) => side === -1 || side === shape[axis]);

function feed(
  backend: NodeBackend,
  { inputs: infos }: Signature,
  inputs: HostArrays,
): { names: { name: string }[]; tensors: Tensor[] } {
  const names: { name: string }[] = [];
  const tensors: Tensor[] = [];
  for (const [name, info] of Object.entries(infos)) {
    const array = inputs[name];
    if (array === undefined || !fits(array.shape, info.shape)) {
      dispose(tensors);
      throw new ClipError(
        "bad-shape",
        `The compiled graph takes ${name} [${info.shape.join(", ")}], not ` +
          (array === undefined ? "nothing." : `[${array.shape.join(", ")}].`),
      );
    }
    names.push({ name: info.tensor });
    tensors.push(engine().makeTensor(array.data, [...array.shape], dtypeOf(array), backend));
  }
  return { names, tensors };
}

async function fetched(tensor: Tensor, into: HostArray | undefined): Promise<HostArray> {
  const data = await tensor.data();
  if (into === undefined) return { data, shape: [...tensor.shape] };
  into.data.set(data);
  return into;
}

/** Gives a SavedModel to the TensorFlow that tfjs-node brings. */
export async function openSession(
  { bytes, signatures }: SavedModel,
  folders: FolderAccess,
): Promise<TensorflowSession> {
  const backend = tensorflowBackend();
  const folder = await folders.create({ "saved_model.pb": bytes });
  let session: number;
  try {
    session = backend.loadSavedModelMetaGraph(folder, "serve");
  } finally {
    await folders.remove(folder);
  }
  return {
    async run(name, inputs, into = {}) {
      const signature = signatures[name];
      if (signature === undefined) throw new Error(`No entry point is called ${name}.`);
      const { names, tensors } = feed(backend, signature, inputs);
      const outputs = Object.entries(signature.outputs);
      let results: Tensor[] = [];
      try {
        const fetches = outputs.map(([, { tensor }]) => tensor);
        results = onTensorflow(() => backend.runSavedModel(session, tensors, names, fetches));
      } finally {
        dispose(tensors);
      }
      const arrays: [string, HostArray][] = [];
      for (const [index, [output]] of outputs.entries()) {
        const result = results[index] as Tensor;
        arrays.push([output, await fetched(result, into[output])]);
        result.dispose();
      }
      return Object.fromEntries(arrays);
    },
    async dispose() {
      backend.deleteSavedModel(session);
    },
  };
}
