import type { Graph, Value } from "./graph.ts";
import { describeSide } from "./symbols.ts";

function formatAttributes(attributes: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(attributes).filter(([, value]) => value != null);
  return entries.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join("");
}

/** The graph as text, one operation a line, for people and for tests. Open sizes go by their names. */
export function formatGraph(graph: Graph<string>): string {
  const describe = ({ id, shape, dtype }: Value): string => {
    const kind = dtype === "float32" ? "" : ` ${dtype}`;
    return `%${id}[${shape.map((side) => describeSide(side, graph.symbols)).join(",")}]${kind}`;
  };
  const inputs = graph.inputs.map(({ name, value }) => `${describe(value)} = input ${name}`);
  const constants = graph.constants.map(({ value, data }) => {
    const shown = data.slice(0, 4).join(",") + (data.length > 4 ? ",…" : "");
    return `${describe(value)} = constant ${shown}`;
  });
  const nodes = graph.nodes.map((node) => {
    const operands = node.inputs.map(({ id }) => ` %${id}`).join("");
    const results = node.outputs.map(describe).join(", ");
    return `${results} = ${node.op}${operands}${formatAttributes(node.attributes)}`;
  });
  const outputs = graph.outputs.map(({ name, value }) => `output ${name} = %${value.id}`);
  return [...inputs, ...constants, ...nodes, ...outputs].join("\n");
}
