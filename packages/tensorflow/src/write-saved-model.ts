import type { Graph, Value } from "@clip-ts/jit";
import { isOpen } from "@clip-ts/jit/backend";
import { emitGraph } from "./emit-graph.ts";
import { adamwNodes, type AdamwAttributes } from "./fuse-adamw.ts";
import {
  createGraphBuilder,
  type GraphBuilder,
  type OwnOperations,
  type Precision,
  type TensorflowGraph,
  type TensorflowNode,
} from "./graph-builder.ts";
import type { Updates } from "./lower-adamw.ts";
import { fuseSumsOfSquares } from "./lower-reductions.ts";
import { attribute, encodeSavedModel, type Signature, type TensorInfo } from "./messages.ts";
import { afterAssignments, emitClearing, emitStateAccess } from "./session.ts";
import {
  addVariables,
  finiteGuard,
  openPassage,
  type KeepableState,
  type StateSpec,
  type Tensor,
  type Variables,
} from "./variables.ts";

/** A graph that reads state and may replace it, as an entry point of a SavedModel. */
export interface EntryPoint {
  /** Inputs that are called like a state tensor are read from there; the others are fed. */
  readonly graph: Graph;
  /** For each state tensor that changes: the output that replaces it. Other outputs are returned. */
  readonly updates?: Readonly<Record<string, string>>;
  /** Write AdamW as TensorFlow's fused operation where it is found; true by default. */
  readonly fusesAdamw?: boolean;
  /** Outputs that must all be finite numbers, or the state stays as it was. */
  readonly mustBeFinite?: readonly string[];
}

/** The graph of an entry point as it is written. */
interface Written {
  readonly graph: TensorflowGraph;
}

/** What the inputs of an entry point are connected to. */
interface Connections {
  readonly fed: Record<string, TensorInfo>;
  readonly tensors: Map<string, Tensor>;
}

/** A shape as TensorFlow writes it: -1 for sides that only a run knows. */
const knownSides = (shape: readonly number[], { symbols }: Pick<Graph, "symbols">): readonly number[] =>
  shape.map((side) => (isOpen(side, symbols) ? -1 : side));

function connectInputs(
  builder: GraphBuilder,
  { graph }: EntryPoint,
  variables: Variables | undefined,
  state: ReadonlySet<string>,
): Connections {
  const fed: Record<string, TensorInfo> = {};
  const tensors = new Map<string, Tensor>();
  for (const { name, value } of graph.inputs) {
    if (variables !== undefined && state.has(name)) {
      tensors.set(name, variables.tensor(name));
      continue;
    }
    const { dtype } = value;
    const shape = knownSides(value.shape, graph);
    const placeholder = builder.emit("Placeholder", [], {
      dtype: attribute.type(dtype),
      shape: attribute.shape(shape),
    });
    tensors.set(name, { wide: placeholder });
    fed[name] = { tensor: `${placeholder}:0`, dtype, shape };
  }
  return { fed, tensors };
}

/** The updates of an entry point that are AdamW and nothing else, as one operation each. */
const fusedUpdates = (
  { graph, updates = {}, fusesAdamw = true }: Omit<EntryPoint, "graph"> & Written,
  clips: boolean,
): TensorflowNode[] => (fusesAdamw ? adamwNodes(graph, updates, clips) : []);

/** The parameters, by name, that an entry point moves by AdamW and by nothing else. */
const movedByAdamw = (entryPoint: EntryPoint): string[] =>
  fusedUpdates(entryPoint, false).map(({ attributes }) => (attributes as AdamwAttributes).param);

/** The outputs that are returned, once the operation `end` has run. */
function fetchOutputs(
  builder: GraphBuilder,
  { graph, updates = {} }: Pick<EntryPoint, "updates"> & Written,
  values: ReadonlyMap<number, string>,
  end: string,
): Record<string, TensorInfo> {
  const replaced = new Set(Object.values(updates));
  const fetched: Record<string, TensorInfo> = {};
  for (const { name, value } of graph.outputs) {
    if (replaced.has(name)) continue;
    const inputs = [values.get(value.id) as string, `^${end}`];
    const result = builder.emit("Identity", inputs, { T: attribute.type(value.dtype) });
    const shape = knownSides(value.shape, graph);
    fetched[name] = { tensor: `${result}:0`, dtype: value.dtype, shape };
  }
  return fetched;
}

/** What is fed and fetched; of an entry point that only changes state, that it has ended. */
function withResults(
  builder: GraphBuilder,
  fed: Signature["inputs"],
  { fetched, end }: { readonly fetched: Signature["outputs"]; readonly end: string },
): Signature {
  const hasResults = Object.keys(fetched).length > 0;
  return hasResults ? { inputs: fed, outputs: fetched } : afterAssignments(builder, { ...fed }, [end]);
}

/** Replaces state tensors by what the graph computed; what is fused does so by itself. */
function assignOthers(
  { graph, updates = {} }: Pick<EntryPoint, "updates"> & Written,
  fused: readonly TensorflowNode[],
  { values, tensors }: { readonly values: ReadonlyMap<number, string> } & Pick<Connections, "tensors">,
  { variables, guard, ended }: Updates,
): void {
  const isFused = new Set(fused.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  for (const [name, output] of Object.entries(updates)) {
    const value = outputs.get(output) as Value;
    if (isFused.has(value.id)) continue;
    const read = tensors.get(name)?.wide;
    const next = guard.gate(values.get(value.id) as string, value.dtype);
    ended.push(variables.assign(name, next, read === undefined ? [] : [read]));
  }
}

/** Writes an entry point into a graph that holds its state's variables. @returns how to feed and fetch it. */
function emitEntryPoint(
  builder: GraphBuilder,
  given: EntryPoint,
  variables?: Variables,
  state: ReadonlySet<string> = new Set(),
): Signature {
  const graph = fuseSumsOfSquares(given.graph);
  const entryPoint = { ...given, graph };
  const { mustBeFinite = [] } = given;
  const { fed, tensors } = connectInputs(builder, given, variables, state);
  const guard = mustBeFinite.length === 0 ? openPassage(builder) : finiteGuard(builder);
  const updates = variables && { variables, guard, ended: [] as string[] };
  const fused = updates === undefined ? [] : fusedUpdates(entryPoint, builder.hasOwnOperations);
  const wanted = graph.outputs.map(({ value }) => value);
  const values = emitGraph(graph, { builder, inputs: tensors, wanted, fused, updates });

  if (updates !== undefined) assignOthers(entryPoint, fused, { values, tensors }, updates);
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const numbers = mustBeFinite.map((name) => values.get((outputs.get(name) as Value).id) as string);
  const end = guard.close(numbers, updates?.ended ?? []);
  const fetched = fetchOutputs(builder, entryPoint, values, end);
  return withResults(builder, fed, { fetched, end });
}

/** Entry points that share state. Fusing and shapes are per entry point: one for each text length. */
export interface SavedModelSpec extends OwnOperations {
  /** Tensors that stay in the runtime; none for pure functions. */
  readonly state?: Readonly<Record<string, StateSpec>>;
  /** Tensors that entry points share without anyone else seeing them; their values begin with `clear`. */
  readonly scratch?: Readonly<Record<string, StateSpec>>;
  /** Tensors that one entry point leaves for another one, without a value before. */
  readonly kept?: Readonly<Record<string, StateSpec>>;
  /** Whether the scratch tensors can be read and written between runs; false by default. */
  readonly sharesScratch?: boolean;
  /** Entry points by name; those that begin with read, write or clear are taken if there is state. */
  readonly entryPoints: Readonly<Record<string, EntryPoint>>;
  /** f32 by default. */
  readonly precision?: Precision;
  /** Inputs, by name, whose matmuls are not rounded to bf16: heads right before the logits. */
  readonly staysExact?: (input: string) => boolean;
}

/** A SavedModel: its file, and how to feed and fetch each entry point. */
export interface SavedModel {
  /** The contents of `saved_model.pb`, the only file it needs. */
  readonly bytes: Uint8Array;
  readonly signatures: Readonly<Record<string, Signature>>;
}

/** The entry point that rounds unchanging state, if any is; to be run when that has been written. */
export const roundEntry = "round";

/** State of which copies may be kept: what no entry point changes, or AdamW alone, which rounds as it goes. */
function keepableIn(
  names: ReadonlySet<string>,
  entryPoints: readonly EntryPoint[],
  hasOwnOperations: boolean,
): KeepableState {
  const changed = new Set(entryPoints.flatMap(({ updates = {} }) => Object.keys(updates)));
  const elsewhere = entryPoints.flatMap((entryPoint) => {
    const moved = new Set(hasOwnOperations ? movedByAdamw(entryPoint) : []);
    return Object.keys(entryPoint.updates ?? {}).filter((name) => !moved.has(name));
  });
  const without = (left: ReadonlySet<string>): Set<string> => new Set([...names].filter((name) => !left.has(name)));
  const unchanging = hasOwnOperations ? without(changed) : new Set<string>();
  return { rounded: without(new Set(elsewhere)), forMatmul: unchanging };
}

/** What is written for scratch tensors. */
const scratchAccess = ({ sharesScratch }: SavedModelSpec): typeof emitClearing =>
  sharesScratch === true ? emitStateAccess : emitClearing;

/** Writes entry points and the state they share as one SavedModel, which one TensorFlow session runs. */
export function writeSavedModel(spec: SavedModelSpec): SavedModel {
  const { state = {}, scratch = {}, entryPoints } = spec;
  const builder = createGraphBuilder(spec);
  const kept = { ...state, ...scratch, ...spec.kept };
  const names = new Set(Object.keys(kept));
  const keepable = keepableIn(names, Object.values(entryPoints), builder.hasOwnOperations);
  const variables = names.size === 0 ? undefined : addVariables(builder, kept, keepable);
  const signatures: Record<string, Signature> = {};
  for (const [name, entryPoint] of Object.entries(entryPoints)) {
    signatures[name] = emitEntryPoint(builder, entryPoint, variables, names);
  }
  variables?.close();
  if (variables !== undefined) {
    Object.assign(signatures, emitStateAccess(builder, variables, state));
    Object.assign(signatures, scratchAccess(spec)(builder, variables, scratch));
    const rounding = variables.renewCopies();
    if (rounding.length > 0) signatures[roundEntry] = afterAssignments(builder, {}, rounding);
  }
  return { bytes: encodeSavedModel(builder.nodes, signatures), signatures };
}
