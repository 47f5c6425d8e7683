import { ClipError } from "@clip-ts/base";
import { dtypeOf, type HostArray, type HostArrays, type TensorDtype } from "@clip-ts/jit";
import {
  dispose,
  engine,
  findBackend,
  getBackend,
  setBackend,
  type KernelBackend,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type Signature, type TensorInfo } from "./messages.ts";
import { afterAll, type StateSpec, type Variables } from "./variables.ts";
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
  /** What each tensor is to TensorFlow, before it is given it. */
  readonly tensorMap: { get(dataId: object): { dtype: number } };
  readonly binding: { readonly TF_UINT8: number };
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
  shape.length === wanted.length && wanted.every((side, axis) => side === -1 || side === shape[axis]);

/**
 * An array as a tensor, in its memory. tfjs has no bytes, TensorFlow has: they come as truth values, which are bytes
 * too, and are called what they are before TensorFlow is given them.
 */
function fedTensor(array: HostArray, backend: NodeBackend): Tensor {
  const { data, shape } = array;
  if (!(data instanceof Uint8ClampedArray)) {
    return engine().makeTensor(data, [...shape], dtypeOf(array) as TensorDtype, backend);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const tensor = engine().makeTensor(bytes, [...shape], "bool", backend);
  backend.tensorMap.get(tensor.dataId).dtype = backend.binding.TF_UINT8;
  return tensor;
}

function feed(
  backend: NodeBackend,
  { inputs: infos }: Signature,
  inputs: HostArrays,
): { names: { name: string }[]; tensors: Tensor[] } {
  const names: { name: string }[] = [];
  const tensors: Tensor[] = [];
  for (const [name, info] of Object.entries(infos)) {
    const array = inputs[name];
    if (array === undefined || !fits(array.shape, info.shape) || dtypeOf(array) !== info.dtype) {
      dispose(tensors);
      throw new ClipError(
        "bad-shape",
        `The compiled graph takes ${name} [${info.shape.join(", ")}] of ${info.dtype}, not ` +
          (array === undefined ? "nothing." : `[${array.shape.join(", ")}] of ${dtypeOf(array)}.`),
      );
    }
    names.push({ name: info.tensor });
    tensors.push(fedTensor(array, backend));
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

type StateSpecs = Readonly<Record<string, StateSpec>>;

/** Entry points that touch one group of state tensors. */
export interface StateSignatures {
  readonly read: string;
  readonly write: string;
  /** Fills the group with zeros. */
  readonly clear: string;
  readonly names: readonly string[];
}

/**
 * Groups of state tensors, by what their names begin with up to the last colon. They are read and written
 * group by group, so that no more than one group exists twice.
 */
export function stateGroups(state: StateSpecs): StateSignatures[] {
  const groups = new Map<string, string[]>();
  for (const name of Object.keys(state)) {
    const group = name.slice(0, Math.max(0, name.lastIndexOf(":")));
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups].map(([group, names]) => {
    const of = (verb: string): string => `${verb} ${group}`.trim();
    return { read: of("read"), write: of("write"), clear: of("clear"), names };
  });
}

/** What an entry point that only acts returns: one truth value. */
const doneOutput = "done";

/** An entry point that returns nothing of worth, once operations such as assignments have run. */
export function afterAssignments(
  builder: GraphBuilder,
  inputs: Record<string, TensorInfo>,
  assignments: readonly string[],
): Signature {
  const operands = [builder.scalar(1, "bool"), ...afterAll(assignments)];
  const done = builder.emit("Identity", operands, { T: attribute.type("bool") });
  return { inputs, outputs: { [doneOutput]: { tensor: `${done}:0`, dtype: "bool", shape: [] } } };
}

function emitWrite(builder: GraphBuilder, variables: Variables, state: StateSpecs): Signature {
  const inputs: Record<string, TensorInfo> = {};
  const assignments: string[] = [];
  for (const [name, { shape, dtype = "float32" }] of Object.entries(state)) {
    const placeholder = builder.emit("Placeholder", [], {
      dtype: attribute.type(dtype),
      shape: attribute.shape(shape),
    });
    // What is fed lies in the caller's memory; the variable must own what it updates in place.
    const copy = builder.emit("DeepCopy", [placeholder], { T: attribute.type(dtype) });
    assignments.push(variables.assign(name, copy));
    inputs[name] = { tensor: `${placeholder}:0`, dtype, shape };
  }
  return afterAssignments(builder, inputs, assignments);
}

/** The number that a group is filled with is fed: TensorFlow would store zeros that it can foresee. */
export const clearInput: HostArrays = { zero: { data: Float32Array.of(0), shape: [] } };

function emitClear(builder: GraphBuilder, variables: Variables, state: StateSpecs): Signature {
  const number = builder.emit("Placeholder", [], {
    dtype: attribute.type("float32"),
    shape: attribute.shape([]),
  });
  const assignments = Object.entries(state).map(([name, { shape, dtype = "float32" }]) => {
    const zeros = builder.emit("Fill", [builder.integers(shape), number], {
      T: attribute.type("float32"),
      index_type: attribute.type("int32"),
    });
    if (dtype === "float32") return variables.assign(name, zeros);
    const types = { SrcT: attribute.type("float32"), DstT: attribute.type(dtype) };
    return variables.assign(name, builder.emit("Cast", [zeros], types));
  });
  const zero: TensorInfo = { tensor: `${number}:0`, dtype: "float32", shape: [] };
  return afterAssignments(builder, { zero }, assignments);
}

function emitRead(variables: Variables, state: StateSpecs): Signature {
  const outputs = Object.entries(state).map(([name, { shape, dtype = "float32" }]): [string, TensorInfo] => [
    name,
    { tensor: `${variables.read(name)}:0`, dtype, shape },
  ]);
  return { inputs: {}, outputs: Object.fromEntries(outputs) };
}

/** Writes the entry points that read, replace and clear state. @returns how to feed and fetch them. */
export function emitStateAccess(
  builder: GraphBuilder,
  variables: Variables,
  state: StateSpecs,
): Record<string, Signature> {
  const signatures: Record<string, Signature> = {};
  for (const { read, write, clear, names } of stateGroups(state)) {
    const group = Object.fromEntries(names.map((name) => [name, state[name] as StateSpec]));
    signatures[write] = emitWrite(builder, variables, group);
    signatures[clear] = emitClear(builder, variables, group);
    signatures[read] = emitRead(variables, group);
  }
  return signatures;
}

/** Writes the entry points that clear state, and no others. @returns how to feed and fetch them. */
export function emitClearing(
  builder: GraphBuilder,
  variables: Variables,
  state: StateSpecs,
): Record<string, Signature> {
  const signatures = stateGroups(state).map(({ clear, names }) => {
    const group = Object.fromEntries(names.map((name) => [name, state[name] as StateSpec]));
    return [clear, emitClear(builder, variables, group)] as const;
  });
  return Object.fromEntries(signatures);
}
