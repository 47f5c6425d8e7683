import type { HostArray, HostArrays } from "@clip-ts/core";
import {
  clone,
  engine,
  fill,
  tensor,
  tidy,
  type NamedAttrMap,
  type NamedTensorMap,
  type Tensor,
} from "@tensorflow/tfjs-core";
import type { Graph, Node, TensorDtype, Value } from "./graph.ts";
import { kernelInputs } from "./ops.ts";

/** The graph with the named inputs fixed to arrays, which become its constants; they are not copied. */
export function bindInputs(graph: Graph, arrays: HostArrays): Graph {
  const bound = graph.inputs.flatMap(({ name, value }) => {
    const array = arrays[name];
    return array === undefined ? [] : [{ value, data: array.data, name }];
  });
  const inputs = graph.inputs.filter(({ name }) => arrays[name] === undefined);
  return { ...graph, inputs, constants: [...graph.constants, ...bound] };
}

/**
 * Data as a tensor of a value's shape and type, which the caller owns: bytes as the float32 numbers that they are
 * cast to.
 */
export function hostTensor({ shape, dtype }: Value, data: HostArray["data"]): Tensor {
  if (dtype === "uint8") return tensor(Float32Array.from(data), [...shape], "float32");
  return tensor(data as Exclude<HostArray["data"], Uint8ClampedArray>, [...shape], dtype);
}

function runNode(node: Node, operands: readonly Tensor[]): Tensor[] {
  const [first] = node.outputs as [Value];
  if (node.op === "Fill") {
    return [fill([...first.shape], node.attributes["value"] as number, first.dtype as TensorDtype)];
  }
  if (node.op === "Barrier") return [clone(operands[0] as Tensor)];
  const results = engine().runKernel<Tensor | Tensor[]>(
    node.op,
    kernelInputs(node.op, operands) as NamedTensorMap,
    node.attributes as NamedAttrMap,
  );
  return Array.isArray(results) ? results : [results];
}

/**
 * Runs a graph operation by operation on the engine that runs now: the oracle for compiled graphs.
 * Borrows the inputs; the caller owns the outputs.
 */
export function interpret(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return tidy(() => {
    const known = new Map<number, Tensor>();
    for (const { name, value } of graph.inputs) known.set(value.id, inputs[name] as Tensor);
    for (const { value, data } of graph.constants) {
      known.set(value.id, hostTensor(value, data));
    }
    for (const node of graph.nodes) {
      const operands = node.inputs.map(({ id }) => known.get(id) as Tensor);
      const results = runNode(node, operands);
      node.outputs.forEach(({ id }, index) => known.set(id, results[index] as Tensor));
    }
    const outputs = graph.outputs.map(({ name, value }): [string, Tensor] => [
      name,
      (known.get(value.id) as Tensor).clone(),
    ]);
    return Object.fromEntries(outputs);
  });
}
