export { formatGraph } from "./ir/format-graph.ts";
export type { Attributes, Constant, Dtype, Graph, NamedValue, Node, Value } from "./ir/graph.ts";
export { interpret } from "./ir/interpret.ts";
export { kernelInputs } from "./ir/operands.ts";
export { trace, type InputSpec, type NamedTensors } from "./trace/trace.ts";
