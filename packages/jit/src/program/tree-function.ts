import type { HostArray, TreeOf } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import {
  flattenNames,
  nestNames,
  traceTree,
  type NameTree,
  type Shaped,
  type ShapesOf,
  type SpecTree,
  type TensorsOf,
} from "../trace/trace.ts";
import type { CompiledFunction, GraphUse, Target } from "./target.ts";

/** A tfjs function of trees, with what it is traced for. */
export interface Traceable<Given extends SpecTree, Gives extends NameTree<Tensor>> {
  readonly given: Given;
  run(given: TensorsOf<Given>): Gives;
}

/** A traceable function whatever its trees. */
export type AnyTraceable = Traceable<SpecTree, NameTree<Tensor>>;

/** Fixes the types of a traceable function. */
export const traceable = <Given extends SpecTree, Gives extends NameTree<Tensor>>(
  given: Given,
  run: (given: TensorsOf<Given>) => Gives,
): Traceable<Given, Gives> => ({ given, run });

/** The arrays that a compiled function takes in place of specs, or gives in place of tensors. */
export type ArraysOf<Tree> = TreeOf<Tree, { readonly shape: readonly number[] }, HostArray>;

/** A compiled function of trees. */
export interface TreeFunction<Given extends SpecTree, Gives extends NameTree<Tensor>> {
  readonly graph: Graph;
  /** Shapes of what it gives. */
  readonly outputs: ShapesOf<Gives>;
  /** Runs once. Borrows the inputs. Results that are in `into` are written to the memory given there. */
  run(given: ArraysOf<Given>, into?: Partial<ArraysOf<Gives>>): Promise<ArraysOf<Gives>>;
  /** The same by the names of the graph, for callers that run it thousands of times on arrays they know. */
  readonly compiled: CompiledFunction;
  dispose(): Promise<void>;
}

/** What a traceable function is once it is compiled. */
export type CompiledTree<Traced> =
  Traced extends Traceable<infer Given, infer Gives> ? TreeFunction<Given, Gives> : never;

/** A graph whose outputs lie in a tree like this, ready to run. */
async function compileGraph<Given extends SpecTree, Gives extends NameTree<Tensor>>(
  target: Target,
  graph: Graph,
  outputs: ShapesOf<Gives>,
  use?: GraphUse,
): Promise<TreeFunction<Given, Gives>> {
  const compiled = await target(graph, use);
  return {
    graph,
    outputs,
    async run(arrays, into = {}) {
      const results = await compiled.run(
        flattenNames(arrays as NameTree<HostArray>),
        flattenNames(into as NameTree<HostArray>),
      );
      return nestNames(outputs as NameTree<Shaped>, results) as ArraysOf<Gives>;
    },
    compiled,
    dispose: () => compiled.dispose(),
  };
}

/** Traces a function of trees and makes it ready to run. */
export function compileTree<Given extends SpecTree, Gives extends NameTree<Tensor>>(
  target: Target,
  { given, run }: Traceable<Given, Gives>,
  use?: GraphUse,
): Promise<TreeFunction<Given, Gives>> {
  const { graph, outputs } = traceTree(run, given);
  return compileGraph(target, graph, outputs, use);
}
