import type { Graph, Value } from "@clip-ts/jit";
import { isOpen } from "@clip-ts/jit/backend";
import { emitGraph } from "./emit-graph.ts";
import { adamwNodes, type AdamwAttributes } from "./fuse-adamw.ts";
import { fuseSumsOfSquares } from "./fuse-sum-of-squares.ts";
import type { TensorflowGraph, TensorflowNode } from "./graph.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { finiteGuard, openPassage } from "./guard.ts";
import type { Updates } from "./lower-adamw.ts";
import { attribute, type Signature, type TensorInfo } from "./messages.ts";
import { afterAssignments } from "./state-access.ts";
import type { Tensor } from "./tensors.ts";
import type { Variables } from "./variables.ts";

/** A graph that reads state and may replace it. */
export interface StepSpec {
  /** Inputs that are called like a state tensor are read from there; the others are fed. */
  readonly graph: Graph;
  /** For each state tensor that changes: the output that replaces it. Other outputs are returned. */
  readonly updates?: Readonly<Record<string, string>>;
  /** Write AdamW as TensorFlow's fused operation where it is found; true by default. */
  readonly fusesAdamw?: boolean;
  /** Outputs that must all be finite numbers, or the state stays as it was. */
  readonly mustBeFinite?: readonly string[];
}

/** The graph of a step as it is written. */
interface Written {
  readonly graph: TensorflowGraph;
}

/** What the inputs of a step are connected to. */
interface Connections {
  readonly fed: Record<string, TensorInfo>;
  readonly tensors: Map<string, Tensor>;
}

/** A shape as TensorFlow writes it: -1 for sides that only a run knows. */
const knownSides = (
  shape: readonly number[],
  { symbols }: Pick<Graph, "symbols">,
): readonly number[] => shape.map((side) => (isOpen(side, symbols) ? -1 : side));

function connectInputs(
  builder: GraphBuilder,
  { graph }: StepSpec,
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

/** The updates of a step that are AdamW and nothing else, as one operation each. */
const fusedUpdates = (
  { graph, updates = {}, fusesAdamw = true }: Omit<StepSpec, "graph"> & Written,
  clips: boolean,
): TensorflowNode[] => (fusesAdamw ? adamwNodes(graph, updates, clips) : []);

/** The parameters, by name, that a step moves by AdamW and by nothing else. */
export const movedByAdamw = (step: StepSpec): string[] =>
  fusedUpdates(step, false).map(({ attributes }) => (attributes as AdamwAttributes).param);

/** The outputs that are returned, once the operation `end` has run. */
function fetchOutputs(
  builder: GraphBuilder,
  { graph, updates = {} }: Pick<StepSpec, "updates"> & Written,
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

/** What is fed and fetched; of a step that only changes state, that it has ended. */
function withResults(
  builder: GraphBuilder,
  fed: Signature["inputs"],
  { fetched, end }: { readonly fetched: Signature["outputs"]; readonly end: string },
): Signature {
  const hasResults = Object.keys(fetched).length > 0;
  return hasResults
    ? { inputs: fed, outputs: fetched }
    : afterAssignments(builder, { ...fed }, [end]);
}

/** Replaces state tensors by what the step computed; what is fused does so by itself. */
function assignOthers(
  { graph, updates = {} }: Pick<StepSpec, "updates"> & Written,
  fused: readonly TensorflowNode[],
  {
    values,
    tensors,
  }: { readonly values: ReadonlyMap<number, string> } & Pick<Connections, "tensors">,
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

/** Writes a step into a graph that holds its state's variables. @returns how to feed and fetch it. */
export function emitStep(
  builder: GraphBuilder,
  given: StepSpec,
  variables?: Variables,
  state: ReadonlySet<string> = new Set(),
): Signature {
  const graph = fuseSumsOfSquares(given.graph);
  const step = { ...given, graph };
  const { mustBeFinite = [] } = given;
  const { fed, tensors } = connectInputs(builder, given, variables, state);
  const guard = mustBeFinite.length === 0 ? openPassage(builder) : finiteGuard(builder);
  const updates = variables && { variables, guard, ended: [] as string[] };
  const fused = updates === undefined ? [] : fusedUpdates(step, builder.hasOwnOperations);
  const wanted = graph.outputs.map(({ value }) => value);
  const values = emitGraph(graph, { builder, inputs: tensors, wanted, fused, updates });

  if (updates !== undefined) assignOthers(step, fused, { values, tensors }, updates);
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const numbers = mustBeFinite.map((name) => values.get((outputs.get(name) as Value).id) as string);
  const end = guard.close(numbers, updates?.ended ?? []);
  const fetched = fetchOutputs(builder, step, values, end);
  return withResults(builder, fed, { fetched, end });
}
