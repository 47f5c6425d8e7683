import { dispose } from "@tensorflow/tfjs-core";
import type { Constant, Graph, Node, Value } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { resultOf } from "./rewrite.ts";

/** The data of an operation with known operands, computed by tfjs on the engine that runs now. */
export function evaluate(node: Node, operands: readonly Constant["data"][]): Constant["data"] {
  const result = resultOf(node);
  const constants = new Map<number, Constant>();
  node.inputs.forEach((value, index) => {
    constants.set(value.id, { value, data: operands[index] as Constant["data"] });
  });
  const graph: Graph = {
    inputs: [],
    constants: [...constants.values()],
    nodes: [node],
    outputs: [{ name: "result", value: result }],
  };
  const outputs = interpret(graph, {});
  const data = outputs["result"]!.dataSync<"float32" | "int32" | "bool">();
  dispose(outputs);
  return data.slice();
}

/** One number, repeated, as data of a type. */
export function filled(value: number, dtype: Value["dtype"], size: number): Constant["data"] {
  if (dtype === "int32") return new Int32Array(size).fill(value);
  return dtype === "bool" ? new Uint8Array(size).fill(value) : new Float32Array(size).fill(value);
}

/** The number that data repeats, if it repeats one. Signed zeros are told apart. */
export function repeatedNumber(data: Constant["data"]): number | undefined {
  const first = data[0];
  return first !== undefined && data.every((value) => Object.is(value, first)) ? first : undefined;
}
