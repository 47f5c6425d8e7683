import { ClipError } from "@clip-ts/base";
import { mapTree, type TreeOf } from "@clip-ts/core";
import {
  backend as startedBackend,
  engine,
  getBackend,
  removeBackend,
  setBackend,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { Dtype, Graph, NamedValue, Value } from "../ir/graph.ts";
import { createRecorder, forgetTraceBackend, traceBackend, traceBackendName, type Recorder } from "./backend.ts";

/** What stands at the ends of a tree of names: a tensor, an array, or what is known of one. */
export interface Shaped {
  readonly shape: readonly number[];
}

/** Leaves by name, in groups: `{ param: { "w.weight": … }, slot: { first: { … } } }`. */
export interface NameTree<Leaf extends Shaped> {
  readonly [name: string]: Leaf | NameTree<Leaf>;
}

/** Stands between the names of groups in the one name that a graph has for a leaf. */
const separator = ":";

/** The group of what values of a program's state become. */
const nextGroup = "next";

const isLeaf = (node: object): node is Shaped => "shape" in node && Array.isArray(node.shape);

const longer = (before: string, name: string): string => (before === "" ? name : `${before}${separator}${name}`);

function visit<Leaf extends Shaped>(
  tree: NameTree<Leaf>,
  before: string,
  take: (name: string, leaf: Leaf) => void,
): void {
  for (const [name, node] of Object.entries(tree)) {
    if (isLeaf(node)) take(longer(before, name), node);
    else visit(node, longer(before, name), take);
  }
}

/** The leaves of a tree under one name each, as graphs call their inputs and outputs: `slot:first:w`. */
export function flattenNames<Leaf extends Shaped>(tree: NameTree<Leaf>): Record<string, Leaf> {
  const flat: Record<string, Leaf> = {};
  visit(tree, "", (name, leaf) => {
    if (Object.hasOwn(flat, name)) {
      throw new ClipError("bad-argument", `Two values would be called "${name}": rename one.`);
    }
    flat[name] = leaf;
  });
  return flat;
}

/** The leaves of `flat` in a tree like the template; leaves that `flat` does not have are left out. */
export function nestNames<Leaf extends Shaped>(
  template: NameTree<Shaped>,
  flat: Readonly<Record<string, Leaf>>,
  before = "",
): NameTree<Leaf> {
  const nested: Record<string, Leaf | NameTree<Leaf>> = {};
  for (const [name, node] of Object.entries(template)) {
    const path = longer(before, name);
    const leaf = isLeaf(node) ? flat[path] : nestNames(node, flat, path);
    if (leaf !== undefined) nested[name] = leaf;
  }
  return nested;
}

/** Each output of a graph that replaces a value of the state, and the name of that value. */
export function replacements({ outputs }: Graph): { output: string; state: string }[] {
  const start = `${nextGroup}${separator}`;
  return outputs
    .filter(({ name }) => name.startsWith(start))
    .map(({ name }) => ({ output: name, state: name.slice(start.length) }));
}

/** What a traced function is told about one of its inputs. */
export interface InputSpec {
  readonly shape: readonly number[];
  /** float32 by default. What is traced sees `uint8` as float32, too. */
  readonly dtype?: Dtype;
}

/** Tensors by name. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** What a traced function is told about its inputs, in groups. */
export type SpecTree = NameTree<InputSpec>;

/** The tensors that a function of such inputs is given. */
export type TensorsOf<Given> = TreeOf<Given, InputSpec, Tensor>;

/** A traced function, and how its outputs lie in the tree that it gave. */
interface TracedTree<Gives> {
  readonly graph: Graph;
  readonly outputs: ShapesOf<Gives>;
}

/** What is known of the tensors of a tree before they exist. */
export type ShapesOf<Gives> = TreeOf<Gives, Tensor, Shaped>;

/** What tfjs sees of an input: bytes, which it does not know, as the float32 numbers that they are cast to. */
function asNumbers(value: Value, { record }: Recorder): Value {
  if (value.dtype !== "uint8") return value;
  const { shape } = value;
  return record("Cast", [value], { dtype: "float32" }, [{ shape, dtype: "float32" }])[0] as Value;
}

/** As `trace`, for those who want to put outputs back into the tree they came in. */
export function traceTree<Given extends SpecTree, Gives extends NameTree<Tensor>>(
  run: (given: TensorsOf<Given>) => Gives,
  given: Given,
): TracedTree<Gives> {
  const previous = runningEngine();
  const backend = traceBackend();
  const recorder = createRecorder();
  const inputs: NamedValue[] = Object.entries(flattenNames<InputSpec>(given)).map(
    ([name, { shape, dtype = "float32" }]) => ({ name, value: recorder.value(shape, dtype) }),
  );
  backend.recorder = recorder;
  try {
    useBackend(traceBackendName);
    let outputs: NamedValue[] = [];
    let shapes: ShapesOf<Gives> | undefined;
    tidy(() => {
      const tensors = inputs.map(({ name, value }): [string, Tensor] => {
        const info = backend.adopt(asNumbers(value, recorder), `input ${name}`);
        return [name, engine().makeTensorFromTensorInfo(info, backend)];
      });
      const tree = run(nestNames(given, Object.fromEntries(tensors)) as TensorsOf<Given>);
      outputs = Object.entries(flattenNames<Tensor>(tree)).map(([name, tensor]) => ({
        name,
        value: backend.valueBehind(tensor),
      }));
      shapes = mapTree<Gives, Tensor, Shaped>(tree, ({ shape }) => ({ shape }));
    });
    const { constants, nodes } = recorder;
    return {
      graph: { inputs, constants, nodes, outputs },
      outputs: shapes as ShapesOf<Gives>,
    };
  } finally {
    backend.recorder = undefined;
    goBackTo(previous);
  }
}

/**
 * Runs a tfjs function once on tensors that only have shapes, and returns what it did as a graph.
 * Gradients taken inside are part of it. The function must be synchronous and must not read values;
 * tensors it creates become constants. No engine has to run, and none is started. Inputs and outputs may come in groups: the graph calls the leaf
 * `w` of a group `param` by the name `param:w`.
 * @throws ClipError "unsupported" naming an operation that cannot be traced, or the place that reads.
 */
export function trace<Given extends SpecTree>(run: (given: TensorsOf<Given>) => NameTree<Tensor>, given: Given): Graph {
  return traceTree(run, given).graph;
}

/** The engine to go back to; undefined if none has been started. */
function runningEngine(): string | undefined {
  if (getBackend() == null) return undefined;
  startedBackend(); // refuses one that is still starting
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

/** Leaves tfjs as it was; where no engine ran, it chooses one when it is first asked to compute. */
function goBackTo(previous: string | undefined): void {
  if (previous !== undefined) return useBackend(previous);
  removeBackend(traceBackendName);
  forgetTraceBackend();
}
