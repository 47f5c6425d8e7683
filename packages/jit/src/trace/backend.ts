import { ClipError } from "@clip-ts/base";
import {
  DataStorage,
  engine,
  getKernel,
  KernelBackend,
  registerBackend,
  registerKernel,
  type BackendValues,
  type DataId,
  type DataType,
  type KernelConfig,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import type { Attributes, Constant, Dtype, Node, TensorDtype, Value } from "../ir/graph.ts";
import { allOps, operationOf, type Described, type Op } from "../ir/ops.ts";

/** The graph in the making. */
export interface Recorder {
  readonly nodes: Node[];
  readonly constants: Constant[];
  /** A value of its own, not yet produced by anything. */
  value(shape: readonly number[], dtype: Dtype): Value;
  /** Appends an operation. @returns its results. */
  record(
    op: Op,
    inputs: readonly Value[],
    attributes: Attributes,
    results: readonly { readonly shape: readonly number[]; readonly dtype: Dtype }[],
  ): readonly Value[];
  /** Data that the traced function brought along; one repeated number becomes a `Fill`. */
  constant(data: Constant["data"], shape: readonly number[], dtype: Dtype): Value;
}

/** The number that fills the whole array, if there is one. Signed zeros and NaN are told apart. */
function splatOf(data: Constant["data"]): number | undefined {
  const first = data[0];
  return first !== undefined && data.every((value) => Object.is(value, first)) ? first : undefined;
}

/** An empty recorder. */
export function createRecorder(): Recorder {
  const nodes: Node[] = [];
  const constants: Constant[] = [];
  let next = 0;
  const value: Recorder["value"] = (shape, dtype) => ({ id: next++, shape: [...shape], dtype });
  const record: Recorder["record"] = (op, inputs, attributes, results) => {
    const outputs = results.map(({ shape, dtype }) => value(shape, dtype));
    nodes.push({ op, inputs, attributes, outputs });
    return outputs;
  };
  return {
    nodes,
    constants,
    value,
    record,
    constant(data, shape, dtype) {
      const splat = splatOf(data);
      if (splat !== undefined) {
        return record("Fill", [], { value: splat }, [{ shape, dtype }])[0] as Value;
      }
      const made = value(shape, dtype);
      constants.push({ value: made, data: data.slice() });
      return made;
    },
  };
}

/** The name under which the recording backend is registered. */
export const traceBackendName = "clip-ts-trace";

function typed(values: BackendValues, dtype: DataType): Constant["data"] {
  if (dtype === "float32") return Float32Array.from(values as Float32Array);
  if (dtype === "int32") return Int32Array.from(values as Int32Array);
  if (dtype === "bool") return Uint8Array.from(values as Uint8Array);
  throw new ClipError("unsupported", `A traced function cannot hold values of type ${dtype}.`);
}

/** Where in the caller's code a value was asked for: the first line outside tfjs and this file. */
function askedAt(): string {
  const lines = (new Error().stack ?? "").split("\n").slice(1);
  const own = lines.find((line) => !/tfjs|tf-core|trace[/\\]backend/.test(line));
  return own === undefined ? "" : ` Asked for ${own.trim()}.`;
}

/** A tfjs backend whose kernels append to a graph instead of computing. */
class TraceBackend extends KernelBackend {
  private readonly values = new WeakMap<DataId, { readonly value: Value; readonly op: string }>();
  private readonly storage = new DataStorage<object>(this, engine());
  /** Where operations go; undefined outside trace(). */
  recorder: Recorder | undefined;

  private recording(): Recorder {
    if (this.recorder !== undefined) return this.recorder;
    throw new ClipError("unsupported", `${traceBackendName} is no engine: it only records in trace().`);
  }

  /** The value behind a tensor of this backend. */
  valueBehind({ dataId }: TensorInfo): Value {
    const known = this.values.get(dataId);
    if (known !== undefined) return known.value;
    throw new ClipError("unsupported", "A tensor of another trace, or of an engine, was used here.");
  }

  /** Ties a value to a new handle that tfjs can carry about. */
  adopt(value: Value, op: string): TensorInfo {
    const dataId = {};
    this.values.set(dataId, { value, op });
    this.storage.set(dataId, {});
    return { dataId, shape: [...value.shape], dtype: value.dtype as TensorDtype };
  }

  override write(values: BackendValues | null, shape: number[], dtype: DataType): DataId {
    if (values == null) {
      throw new ClipError("unsupported", "A traced tensor needs values; it cannot be left unset.");
    }
    const value = this.recording().constant(typed(values, dtype), shape, dtype as Dtype);
    return this.adopt(value, "constant").dataId;
  }

  override move(dataId: DataId, values: BackendValues, shape: number[], dtype: DataType): void {
    const value = this.recording().constant(typed(values, dtype), shape, dtype as Dtype);
    this.values.set(dataId, { value, op: "constant" });
    this.storage.set(dataId, {});
  }

  override readSync(dataId: DataId): never {
    const op = this.values.get(dataId)?.op ?? "unknown";
    throw new ClipError(
      "unsupported",
      `The values of a traced tensor (made by ${op}) were read, but they do not exist until the graph ` +
        `runs. Keep data-dependent decisions out of the traced function.${askedAt()}`,
      { data: { op } },
    );
  }

  override read(dataId: DataId): Promise<never> {
    return Promise.resolve().then(() => this.readSync(dataId));
  }

  override numDataIds(): number {
    return this.storage.numDataIds();
  }

  override disposeData(dataId: DataId): boolean {
    if (this.storage.has(dataId)) this.storage.delete(dataId);
    return true;
  }

  override refCount(): number {
    return 1;
  }

  override incRef(): void {
    // Handles are not counted: a value lives as long as its graph.
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    // Nothing is held: what was recorded belongs to the graph.
  }
}

/** The kernel that records one operation. */
function recordingKernel(op: Op): KernelConfig["kernelFunc"] {
  const { shape: rule } = operationOf(op);
  return ({ inputs, attrs, backend }) => {
    const tracer = backend as TraceBackend;
    const attributes: Attributes = { ...(attrs as Attributes | undefined) };
    const given = Object.entries(inputs).filter(([, input]) => input != null) as [string, TensorInfo][];
    const values = given.map(([, input]) => tracer.valueBehind(input));
    const named = Object.fromEntries(given.map(([name], index) => [name, values[index] as Described]));
    const described = rule(named, attributes);
    const results = (Array.isArray(described) ? described : [described]) as Described[];
    const recorded = tracer.recorder?.record(op, values, attributes, results) ?? [];
    const infos = recorded.map((value) => tracer.adopt(value, op));
    return Array.isArray(described) ? infos : (infos[0] as TensorInfo);
  };
}

let backend: TraceBackend | undefined;

/** Lets the next use register a new one, after tfjs has been told to drop this one. */
export function forgetTraceBackend(): void {
  backend = undefined;
}

/** The process's recording backend, registered on first use. */
export function traceBackend(): TraceBackend {
  if (backend !== undefined) return backend;
  const made = new TraceBackend();
  registerBackend(traceBackendName, () => made, 0);
  for (const op of allOps) {
    if (getKernel(op, traceBackendName) != null) continue;
    registerKernel({
      kernelName: op,
      backendName: traceBackendName,
      kernelFunc: recordingKernel(op),
    });
  }
  backend = made;
  return made;
}
