import type { Graph, Value } from "@clip-ts/jit";
import { isOpen } from "@clip-ts/jit/backend";
import { emitAdamw, type AdamwTensors } from "./emit-adamw.ts";
import { emitGraph, type Replacement } from "./emit-graph.ts";
import { emitOwnAdamw } from "./emit-own-adamw.ts";
import { fuseSumsOfSquares } from "./fuse-sum-of-squares.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { finiteGuard, openPassage, type Guard } from "./guard.ts";
import { matchAdamw, type AdamwUpdate } from "./match-adamw.ts";
import { attribute, type Signature, type TensorInfo } from "./messages.ts";
import { widened } from "./rounding.ts";
import { afterAssignments } from "./state-access.ts";
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

/** What the inputs of a step are connected to. */
interface Connections {
  readonly fed: Record<string, TensorInfo>;
  readonly tensors: Map<string, string>;
}

/** A shape as TensorFlow writes it: -1 for sides that only a run knows. */
const knownSides = (shape: readonly number[], { symbols }: Graph): readonly number[] =>
  shape.map((side) => (isOpen(side, symbols) ? -1 : side));

function connectInputs(
  builder: GraphBuilder,
  { graph }: StepSpec,
  variables: Variables | undefined,
  state: ReadonlySet<string>,
): Connections {
  const fed: Record<string, TensorInfo> = {};
  const tensors = new Map<string, string>();
  for (const { name, value } of graph.inputs) {
    if (variables !== undefined && state.has(name)) {
      tensors.set(name, variables.read(name));
      continue;
    }
    const { dtype } = value;
    const shape = knownSides(value.shape, graph);
    const placeholder = builder.emit("Placeholder", [], {
      dtype: attribute.type(dtype),
      shape: attribute.shape(shape),
    });
    tensors.set(name, placeholder);
    fed[name] = { tensor: `${placeholder}:0`, dtype, shape };
  }
  return { fed, tensors };
}

/** How many updates may run at the same time: each holds a decayed copy of its parameter. */
const updatesAtOnce = 2;

/** What the updates of a step have in common. */
interface UpdateContext {
  readonly nameOf: (value: Value) => string;
  readonly variables: Variables;
  readonly guard: Guard;
  /** The operations that end the updates written so far. */
  readonly done: string[];
}

/** The updates that are written as one operation each. */
const adamwOf = ({ graph, updates = {}, fusesAdamw = true }: StepSpec): readonly AdamwUpdate[] =>
  fusesAdamw ? matchAdamw(graph, updates) : [];

/** The parameters, by name, that a step moves by AdamW and by nothing else. */
export function movedByAdamw(step: StepSpec): string[] {
  const names = new Map(step.graph.inputs.map(({ name, value }) => [value.id, name]));
  return adamwOf(step).map(({ param }) => names.get(param.id) as string);
}

/** The fused form of one update; notes the operation that ends it in `done`. */
function fusedUpdate(
  update: AdamwUpdate,
  { nameOf, variables, guard, done }: UpdateContext,
  isOwn: boolean,
): Replacement {
  const { param, stepSize, secondRoot, decay, clipped } = update;
  const clip = isOwn ? clipped?.factor : undefined;
  const needed: Readonly<Record<string, Value | undefined>> = {
    param,
    gradient: clip === undefined ? update.gradient : clipped?.gradient,
    stepSize,
    secondRoot,
    decay,
    clip,
  };
  const parts = Object.entries(needed).filter(
    (part): part is [string, Value] => part[1] !== undefined,
  );
  const names = {
    param: nameOf(param),
    first: nameOf(update.first),
    second: nameOf(update.second),
  };
  return {
    inputs: parts.map(([, value]) => value),
    outputs: [update.moved, ...update.moments],
    emit(inputs, builder) {
      const given = inputs.map((name, at) => {
        const isGradient = isOwn && parts[at]?.[0] === "gradient";
        return [parts[at]?.[0], isGradient ? name : widened(builder, name)] as const;
      });
      const tensors = Object.fromEntries(given) as unknown as AdamwTensors;
      const after = done.slice(-updatesAtOnce).slice(0, 1);
      const end = isOwn
        ? emitOwnAdamw(builder, variables, { update, names, tensors, guard })
        : emitAdamw(builder, variables, { update, names, tensors, guard, after });
      done.push(end);
      return Object.values(names).map((name) => variables.read(name, [end]));
    },
  };
}

/** The outputs that are returned, once the operation `end` has run. */
function fetchOutputs(
  builder: GraphBuilder,
  { graph, updates = {} }: StepSpec,
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

/** Writes a step into a graph that holds its state's variables. @returns how to feed and fetch it. */
export function emitStep(
  builder: GraphBuilder,
  step: StepSpec,
  variables?: Variables,
  state: ReadonlySet<string> = new Set(),
): Signature {
  const { updates = {} } = step;
  const graph = fuseSumsOfSquares(step.graph);
  const { fed, tensors } = connectInputs(builder, step, variables, state);
  const names = new Map(graph.inputs.map(({ name, value }) => [value.id, name]));
  const done: string[] = [];
  const { mustBeFinite = [] } = step;
  const guard = mustBeFinite.length === 0 ? openPassage(builder) : finiteGuard(builder);
  const nameOf = ({ id }: Value): string => names.get(id) as string;
  const replacements =
    variables === undefined
      ? []
      : adamwOf({ ...step, graph }).map((update) =>
          fusedUpdate(update, { nameOf, variables, guard, done }, builder.hasOwnOperations),
        );
  const wanted = graph.outputs.map(({ value }) => value);
  const values = emitGraph(graph, { builder, inputs: tensors, wanted, replacements });

  const fused = new Set(replacements.flatMap(({ outputs }) => outputs.map(({ id }) => id)));
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  for (const [name, output] of Object.entries(updates)) {
    const value = outputs.get(output) as Value;
    if (fused.has(value.id)) continue;
    const read = tensors.get(name);
    const next = guard.gate(values.get(value.id) as string, value.dtype);
    done.push((variables as Variables).assign(name, next, read === undefined ? [] : [read]));
  }
  const numbers = mustBeFinite.map((name) => values.get((outputs.get(name) as Value).id) as string);
  const end = guard.close(numbers, done);
  const fetched = fetchOutputs(builder, { ...step, graph }, values, end);
  return withResults(builder, fed, { fetched, end });
}
