import { broadcast_util } from "@tensorflow/tfjs-core";
import type { Graph, Node, Value } from "../ir/graph.ts";
import { operationOf } from "../ir/ops.ts";
import { fillOf } from "./fold.ts";
import { resultOf, rewrite, sameShape, type Rewriter, type Rule } from "./rewrite.ts";

type Step = (node: Node, graph: Rewriter) => Value | undefined;

/** The operand that an operation passes on, if its other operand is neutral; maybe broadcast. */
function passedOn(node: Node, graph: Rewriter): Value | undefined {
  const { neutral: unit, commutes } = operationOf(node.op).traits;
  if (unit === undefined) return undefined;
  const [a, b] = node.inputs as [Value, Value];
  const { dtype } = resultOf(node);
  if (fillOf(b, graph) === unit && a.dtype === dtype) return a;
  return commutes === true && fillOf(a, graph) === unit && b.dtype === dtype ? b : undefined;
}

/** x + 0, x - 0, x · 1, x / 1 and x¹ are x. x · 0 stays: it is no zero where x is not finite. */
const withoutNeutral: Step = (node, graph) => {
  const operand = passedOn(node, graph);
  return operand && sameShape(operand.shape, resultOf(node).shape) ? operand : undefined;
};

/** A quotient by a power of two is the product with its reciprocal, to the bit. */
const withoutDivision: Step = (node, graph) => {
  const [a, b] = node.inputs as [Value, Value];
  if (node.op !== "RealDiv" || a.dtype !== "float32") return undefined;
  const divisor = fillOf(b, graph);
  if (divisor === undefined || divisor === 0) return undefined;
  const exponent = Math.log2(Math.abs(divisor));
  if (!Number.isInteger(exponent) || Math.abs(exponent) > 126) return undefined;
  const reciprocal = graph.emit("Fill", [], { value: 1 / divisor }, b);
  return graph.emit("Multiply", [a, reciprocal], {}, resultOf(node));
};

function broadcastsTo(a: Value, b: Value, shape: readonly number[]): boolean {
  try {
    const joint = broadcast_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
    return sameShape(joint, shape);
  } catch {
    return false;
  }
}

/** The smaller value that an operand was spread from: one number, or what a neutral operation widened. */
function spreadFrom(value: Value, graph: Rewriter): Value | undefined {
  const producer = graph.producer(value);
  if (producer === undefined) return undefined;
  if (producer.op !== "Fill") return passedOn(producer, graph);
  if (value.shape.length === 0) return undefined;
  return graph.emit("Fill", [], { value: producer.attributes["value"] }, { shape: [], dtype: value.dtype });
}

/** An operation that broadcasts by itself needs no operand that was broadcast before. */
const withoutSpreading: Step = (node, graph) => {
  if (!operationOf(node.op).traits.isPointwise || node.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs as [Value, Value];
  const result = resultOf(node);
  const left = spreadFrom(a, graph);
  if (left !== undefined && broadcastsTo(left, b, result.shape)) {
    return graph.emit(node.op, [left, b], node.attributes, result);
  }
  const right = spreadFrom(b, graph);
  if (right === undefined || !broadcastsTo(a, right, result.shape)) return undefined;
  return graph.emit(node.op, [a, right], node.attributes, result);
};

const steps: readonly Step[] = [withoutNeutral, withoutDivision, withoutSpreading];

const arithmetic: Rule = (node, graph) => {
  for (const step of steps) {
    const value = step(node, graph);
    if (value !== undefined) return [value];
  }
  return undefined;
};

/**
 * Drops additions of 0 and products with 1, multiplies instead of dividing by powers of two, and hands
 * operations that broadcast their small operands directly. Exact but for the sign of a zero.
 */
export function simplifyArithmetic(graph: Graph): Graph {
  return rewrite(graph, arithmetic);
}
