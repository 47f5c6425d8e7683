import type { HostArrays } from "@clip-ts/core";
import type { Graph } from "./graph.ts";

/** The graph with the named inputs fixed to arrays, which become its constants; they are not copied. */
export function bindInputs(graph: Graph, arrays: HostArrays): Graph {
  const bound = graph.inputs.flatMap(({ name, value }) => {
    const array = arrays[name];
    return array === undefined ? [] : [{ value, data: array.data, name }];
  });
  const inputs = graph.inputs.filter(({ name }) => arrays[name] === undefined);
  return { ...graph, inputs, constants: [...graph.constants, ...bound] };
}
