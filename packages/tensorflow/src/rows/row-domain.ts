import { sizeOf } from "@clip-ts/core";
import { elementCodes, reductionCodes } from "@clip-ts/native";
import type { Value } from "@clip-ts/jit";
import { axesAttribute, axesOf, isOpen, resultOf, sameShape } from "@clip-ts/jit/backend";
import type { TensorflowGraph, TensorflowNode } from "../graph-builder.ts";

/** A matrix that operations walk over row by row: all axes but the last one are its rows. */
export interface Domain {
  readonly rows: number;
  readonly columns: number;
}

/**
 * How a value lies over a domain: one number for each place (`whole`), one for each row (`column`), rows
 * that come again and again (`repeated`), or one number.
 */
export type Role = "whole" | "column" | "repeated" | "number";

/** An operation that can be part of a pass over rows. */
export interface RowNode {
  readonly node: TensorflowNode;
  readonly domain: Domain;
  /** What it does: to each element, to each row, to each column, or nothing but a change of shape. */
  readonly kind: "elementwise" | "softmax" | "reduction" | "column-sum" | "view";
  /** How its result lies over the domain; sums over columns have one number a column. */
  readonly role: "whole" | "column" | "sums";
  readonly roles: readonly Role[];
}

/** Shorter rows cost more in instructions than they save in memory. */
const fewestColumns = 8;
const fewestNumbers = 64;

const isWorthwhile = ({ rows, columns }: Domain): boolean =>
  columns >= fewestColumns && rows * columns >= fewestNumbers;

const domainOf = ({ shape }: Value): Domain => {
  const columns = shape.at(-1) ?? 1;
  return { rows: sizeOf(shape) / columns, columns };
};

/** Whether two domains have the same rows and columns. */
export const sameDomain = (left: Domain, right: Domain): boolean =>
  left.rows === right.rows && left.columns === right.columns;

/** How an operand lies over a result of this shape, if it can be read row by row. */
function roleIn(shape: readonly number[], operand: Value): "same" | Exclude<Role, "whole"> | undefined {
  if (sameShape(operand.shape, shape)) return "same";
  if (sizeOf(operand.shape) === 1) return "number";
  const own = operand.shape;
  const first = own.findIndex((side) => side !== 1);
  const trimmed = own.slice(first);
  if (own.at(-1) === shape.at(-1)) {
    return sameShape(trimmed, shape.slice(shape.length - trimmed.length)) ? "repeated" : undefined;
  }
  const isColumn = own.length === shape.length && own.at(-1) === 1;
  return isColumn && sameShape(own.slice(0, -1), shape.slice(0, -1)) ? "column" : undefined;
}

/** Domains of values with one number a row, by id: their shapes do not tell them. */
type ColumnDomains = Map<number, Domain>;

function elementwiseRow(node: TensorflowNode, columns: ColumnDomains): RowNode | undefined {
  const { shape } = resultOf(node);
  const column = node.inputs.map(({ id }) => columns.get(id)).find(Boolean);
  const isColumn = column !== undefined && sizeOf(shape) === column.rows;
  const role = isColumn ? "column" : "whole";
  const roles: Role[] = [];
  for (const operand of node.inputs) {
    const found = roleIn(shape, operand);
    const fits = found === "same" || found === "number" || (found !== undefined && !isColumn);
    if (!fits) return undefined;
    roles.push(found === "same" ? role : found);
  }
  const domain = isColumn ? column : domainOf(resultOf(node));
  return { node, domain, kind: "elementwise", role, roles };
}

function viewRow(node: TensorflowNode, columns: ColumnDomains): RowNode | undefined {
  const x = node.inputs[0] as Value;
  const column = columns.get(x.id);
  const role = column === undefined ? "whole" : "column";
  const domain = column ?? domainOf(resultOf(node));
  if (column === undefined && !sameDomain(domain, domainOf(x))) return undefined;
  return { node, domain, kind: "view", role, roles: [role] };
}

function reductionRow(node: TensorflowNode, op: keyof typeof reductionCodes): RowNode | undefined {
  const x = node.inputs[0] as Value;
  const last = x.shape.length - 1;
  const axes = axesOf(node.attributes[axesAttribute(op)], last + 1);
  const found = { node, domain: domainOf(x), roles: ["whole"] } as const;
  if (axes.length === 1 && axes[0] === last) return { ...found, kind: "reduction", role: "column" };
  const isOverRows = op === "Sum" && last > 0 && axes.length === last && !axes.includes(last);
  return isOverRows ? { ...found, kind: "column-sum", role: "sums" } : undefined;
}

function softmaxRow(node: TensorflowNode): RowNode | undefined {
  const y = resultOf(node);
  if (node.attributes["dim"] !== y.shape.length - 1) return undefined;
  return { node, domain: domainOf(y), kind: "softmax", role: "whole", roles: ["whole"] };
}

const isIn = <Code extends string>(codes: Record<Code, number>, op: string): op is Code => Object.hasOwn(codes, op);

function rowOf(node: TensorflowNode, columns: ColumnDomains): RowNode | undefined {
  const { op } = node;
  if (isIn(elementCodes, op)) return elementwiseRow(node, columns);
  if (op === "Reshape") return viewRow(node, columns);
  if (isIn(reductionCodes, op)) return reductionRow(node, op);
  return op === "Softmax" ? softmaxRow(node) : undefined;
}

/** The operations of a graph that can be part of a pass over rows, whose length must be known. */
export function findRowNodes({ nodes, symbols }: TensorflowGraph): ReadonlyMap<TensorflowNode, RowNode> {
  const found = new Map<TensorflowNode, RowNode>();
  const columns: ColumnDomains = new Map();
  const fits = ({ shape, dtype }: Value): boolean => dtype === "float32" && !isOpen(shape.at(-1) ?? 1, symbols);
  for (const node of nodes) {
    const isPlain = node.outputs.length === 1 && [...node.inputs, ...node.outputs].every(fits);
    const row = isPlain ? rowOf(node, columns) : undefined;
    if (row === undefined || !isWorthwhile(row.domain)) continue;
    found.set(node, row);
    if (row.role === "column") columns.set(resultOf(node).id, row.domain);
  }
  return found;
}
