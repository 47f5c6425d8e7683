import type { Value } from "@clip-ts/jit";
import { resultOf } from "@clip-ts/jit/backend";
import { rowCodes, type RowCode } from "./row-codes.ts";
import type { RowNode } from "./row-domain.ts";

/** How an input lies over the rows. */
export const inputKinds = { whole: 0, column: 1, repeated: 2, number: 3 } as const;
/** How an output does. */
export const outputKinds = { whole: 0, column: 1, sums: 2 } as const;

/** What a slot holds: an input, a number known beforehand, a vector as long as a row, a number of the row. */
interface Slot {
  readonly kind: "input" | "number" | "vector" | "scalar";
  /** Its place among its kind. */
  readonly index: number;
}

interface Step {
  readonly code: RowCode;
  /** The output of `Store` and `AddToColumns`; else a slot. */
  readonly target: Slot | number;
  readonly operands: readonly Slot[];
}

/** A pass over the rows of matrices. */
export type RowProgram = {
  readonly columns: number;
  readonly inputs: readonly (keyof typeof inputKinds)[];
  readonly outputs: readonly (keyof typeof outputKinds)[];
  readonly numbers: readonly number[];
  /** How many vectors and numbers of a row are held at once. */
  readonly vectors: number;
  readonly scalars: number;
  /** Four numbers an instruction: code, target, left, right. */
  readonly code: readonly number[];
};

/** What a program is made of. */
export interface RowParts {
  readonly columns: number;
  /** In running order. */
  readonly nodes: readonly RowNode[];
  /** Values from outside, with how they lie over the rows. */
  readonly inputs: ReadonlyMap<number, keyof typeof inputKinds>;
  /** Numbers known beforehand, by the value that they are. */
  readonly numbers: ReadonlyMap<number, number>;
  /** Values that are wanted outside. */
  readonly outputs: readonly Value[];
}

/** Instructions that each have a slot of their own as their target. */
function writeSteps({ nodes, inputs, numbers, outputs }: RowParts): Step[] {
  const steps: Step[] = [];
  const slots = new Map<number, Slot>();
  const made = { vector: 0, scalar: 0 };
  [...inputs.keys()].forEach((id, index) => slots.set(id, { kind: "input", index }));
  [...numbers.keys()].forEach((id, index) => slots.set(id, { kind: "number", index }));
  const slotOf = ({ id }: Value): Slot => {
    const slot = slots.get(id);
    if (slot === undefined) throw new Error(`The value %${id} is not there when a row needs it.`);
    return slot;
  };
  const step = (code: RowCode, kind: "vector" | "scalar", ...operands: Slot[]): Slot => {
    const target = { kind, index: made[kind]++ };
    steps.push({ code, target, operands });
    return target;
  };
  /** softmax(x) = e^(x - max) / sum, each a pass over the row, which is in the cache. */
  const softmax = (x: Slot): Slot => {
    const powers = step("Exp", "vector", step("Sub", "vector", x, step("Max", "scalar", x)));
    return step("RealDiv", "vector", powers, step("Sum", "scalar", powers));
  };
  const resultFor = ({ node, kind, role }: RowNode): Slot => {
    const operands = node.inputs.map(slotOf);
    const [x] = operands as [Slot];
    if (kind === "view" || kind === "column-sum") return x;
    if (kind === "softmax") return softmax(x);
    return step(node.op as RowCode, role === "column" ? "scalar" : "vector", ...operands);
  };
  for (const row of nodes) {
    const { id } = resultOf(row.node);
    const slot = resultFor(row);
    const isSum = row.kind === "column-sum";
    if (!isSum) slots.set(id, slot);
    const target = outputs.findIndex((output) => output.id === id);
    const code = isSum ? "AddToColumns" : "Store";
    if (target >= 0) steps.push({ code, target, operands: [slot] });
  }
  return steps;
}

const keyOf = ({ kind, index }: Slot): string => `${kind} ${index}`;

/** Lets steps use a slot again once nobody reads what is in it. */
function shareSlots(given: readonly Step[]): {
  readonly steps: readonly Step[];
  readonly counts: Readonly<Record<"vector" | "scalar", number>>;
} {
  const lastUse = new Map<string, number>();
  given.forEach(({ operands }, at) => operands.forEach((slot) => lastUse.set(keyOf(slot), at)));
  const places = new Map<string, number>();
  const free = { vector: [] as number[], scalar: [] as number[] };
  const counts = { vector: 0, scalar: 0 };
  const placed = (slot: Slot): Slot => ({
    kind: slot.kind,
    index: places.get(keyOf(slot)) ?? slot.index,
  });
  const release = (operands: readonly Slot[], at: number): void => {
    for (const slot of new Map(operands.map((each) => [keyOf(each), each])).values()) {
      if (slot.kind !== "vector" && slot.kind !== "scalar") continue;
      if (lastUse.get(keyOf(slot)) === at) free[slot.kind].push(placed(slot).index);
    }
  };
  const take = (slot: Slot): Slot => {
    const kind = slot.kind as "vector" | "scalar";
    places.set(keyOf(slot), free[kind].pop() ?? counts[kind]++);
    return placed(slot);
  };
  const steps = given.map(({ code, target, operands }, at): Step => {
    const reads = operands.map(placed);
    release(operands, at);
    return { code, target: typeof target === "number" ? target : take(target), operands: reads };
  });
  return { steps, counts };
}

/** Writes the operations of a group as a program. */
export function writeRowProgram(parts: RowParts): RowProgram {
  const { steps, counts } = shareSlots(writeSteps(parts));
  const known = parts.inputs.size + parts.numbers.size;
  const firsts = {
    input: 0,
    number: parts.inputs.size,
    vector: known,
    scalar: known + counts.vector,
  };
  const numberOf = (target: Slot | number): number =>
    typeof target === "number" ? target : firsts[target.kind] + target.index;
  const roles = new Map(parts.nodes.map(({ node, role }) => [resultOf(node).id, role]));
  return {
    columns: parts.columns,
    inputs: [...parts.inputs.values()],
    outputs: parts.outputs.map(({ id }) => roles.get(id) as keyof typeof outputKinds),
    numbers: [...parts.numbers.values()],
    vectors: counts.vector,
    scalars: counts.scalar,
    code: steps.flatMap(({ code, target, operands: [left, right = left] }) => [
      rowCodes[code],
      numberOf(target),
      numberOf(left as Slot),
      numberOf(right as Slot),
    ]),
  };
}
