import type { Value } from "@clip-ts/jit";
import { resultOf } from "@clip-ts/jit/backend";
import { inputKinds, operationNames, outputKinds, rowCodes, type RowCode } from "@clip-ts/native";
import { wide } from "../annotate-types.ts";
import type { Lowering } from "../lowering.ts";
import { attribute, type DataType } from "../messages.ts";
import { asMade, widened, type Tensor, type TypedTensor } from "../variables.ts";
import type { RowNode } from "./row-domain.ts";

/** What a slot holds: an input, a number known beforehand, a vector as long as a row, a number of the row. */
interface Slot {
  readonly kind: "input" | "number" | "vector" | "scalar";
  /** Its place among its kind. */
  readonly index: number;
}

interface Instruction {
  readonly code: RowCode;
  /** The output of `Store` and `AddToColumns`; else a slot. */
  readonly target: Slot | number;
  readonly operands: readonly Slot[];
}

/** A fused kernel: a pass over the rows of matrices. */
export type RowKernel = {
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

/** What a kernel is made of. */
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
function writeInstructions({ nodes, inputs, numbers, outputs }: RowParts): Instruction[] {
  const instructions: Instruction[] = [];
  const slots = new Map<number, Slot>();
  const made = { vector: 0, scalar: 0 };
  [...inputs.keys()].forEach((id, index) => slots.set(id, { kind: "input", index }));
  [...numbers.keys()].forEach((id, index) => slots.set(id, { kind: "number", index }));
  const slotOf = ({ id }: Value): Slot => {
    const slot = slots.get(id);
    if (slot === undefined) throw new Error(`The value %${id} is not there when a row needs it.`);
    return slot;
  };
  const append = (code: RowCode, kind: "vector" | "scalar", ...operands: Slot[]): Slot => {
    const target = { kind, index: made[kind]++ };
    instructions.push({ code, target, operands });
    return target;
  };
  /** softmax(x) = e^(x - max) / sum, each a pass over the row, which is in the cache. */
  const softmax = (x: Slot): Slot => {
    const powers = append("Exp", "vector", append("Sub", "vector", x, append("Max", "scalar", x)));
    return append("RealDiv", "vector", powers, append("Sum", "scalar", powers));
  };
  const resultFor = ({ node, kind, role }: RowNode): Slot => {
    const operands = node.inputs.map(slotOf);
    const [x] = operands as [Slot];
    if (kind === "view" || kind === "column-sum") return x;
    if (kind === "softmax") return softmax(x);
    return append(node.op as RowCode, role === "column" ? "scalar" : "vector", ...operands);
  };
  for (const row of nodes) {
    const { id } = resultOf(row.node);
    const slot = resultFor(row);
    const isSum = row.kind === "column-sum";
    if (!isSum) slots.set(id, slot);
    const target = outputs.findIndex((output) => output.id === id);
    const code = isSum ? "AddToColumns" : "Store";
    if (target >= 0) instructions.push({ code, target, operands: [slot] });
  }
  return instructions;
}

const keyOf = ({ kind, index }: Slot): string => `${kind} ${index}`;

/** Lets instructions use a slot again once nobody reads what is in it. */
function shareSlots(given: readonly Instruction[]): {
  readonly instructions: readonly Instruction[];
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
  const instructions = given.map(({ code, target, operands }, at): Instruction => {
    const reads = operands.map(placed);
    release(operands, at);
    return { code, target: typeof target === "number" ? target : take(target), operands: reads };
  });
  return { instructions, counts };
}

/** Writes the operations of a group as a kernel. */
export function writeRowKernel(parts: RowParts): RowKernel {
  const { instructions, counts } = shareSlots(writeInstructions(parts));
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
    code: instructions.flatMap(({ code, target, operands: [left, right = left] }) => [
      rowCodes[code],
      numberOf(target),
      numberOf(left as Slot),
      numberOf(right as Slot),
    ]),
  };
}

/** An output as TensorFlow makes it: one of the kernel's, in one type. */
interface Result {
  readonly from: number;
  readonly value: Value;
  readonly type: DataType;
}

/** The kernel's code with a `Store` for each type that an output is wanted in. */
function codeFor({ code }: RowKernel, results: readonly Result[]): number[] {
  const instructions = Array.from({ length: code.length / 4 }, (_, at) => code.slice(4 * at, 4 * at + 4));
  return instructions.flatMap((instruction) => {
    const [name, target, ...operands] = instruction as [number, number, number, number];
    if (name !== rowCodes.Store && name !== rowCodes.AddToColumns) return instruction;
    const targets = results.flatMap(({ from }, at) => (from === target ? [at] : []));
    return targets.flatMap((at) => [name, at, ...operands]);
  });
}

/** A kernel over rows as an operation of the native part (packages/native/cpp/fused_rows.cc). */
export const rows: Lowering = ({ node, operands: given, builder, types }) => {
  const kernel = node.attributes["kernel"] as RowKernel;
  const operands = given.map((tensor, at): TypedTensor => {
    const mayBeRounded = kernel.inputs[at] === "whole" || kernel.inputs[at] === "repeated";
    return mayBeRounded ? asMade(tensor) : { name: widened(builder, tensor), type: "float32" };
  });
  const isSettled = ({ shape }: Value): boolean => shape.filter((side) => builder.isOpen(side)).length <= 1;
  /** One open side follows from the number of rows; a shape with more is made as a matrix first. */
  const sidesOf = ({ value, from }: Result): number[] => {
    const { shape } = value;
    if (isSettled(value)) return shape.map((side) => (builder.isOpen(side) ? -1 : side));
    return kernel.outputs[from] === "whole" ? [-1, kernel.columns] : [-1];
  };
  const results = node.outputs.flatMap((value, from): Result[] => {
    const { float32, bfloat16 } = types.get(value.id) ?? wide;
    return [
      ...(float32 ? [{ from, value, type: "float32" as const }] : []),
      ...(bfloat16 ? [{ from, value, type: "bfloat16" as const }] : []),
    ];
  });
  const inputs = operands.map(({ name }) => name);
  const name = builder.emit(operationNames.fusedRows, inputs, {
    Tin: attribute.types(operands.map(({ type }) => type)),
    Tout: attribute.types(results.map(({ type }) => type)),
    code: attribute.integers(codeFor(kernel, results)),
    numbers: attribute.floats(kernel.numbers),
    vectors: attribute.integer(kernel.vectors),
    scalars: attribute.integer(kernel.scalars),
    columns: attribute.integer(kernel.columns),
    input_kinds: attribute.integers(kernel.inputs.map((kind) => inputKinds[kind])),
    output_kinds: attribute.integers(results.map(({ from }) => outputKinds[kernel.outputs[from] as "whole"])),
    output_shapes: attribute.shapes(results.map(sidesOf)),
  });
  const names = results.map(({ value, type }, at) => {
    const made = at === 0 ? name : `${name}:${at}`;
    if (isSettled(value)) return made;
    const types = { T: attribute.type(type), Tshape: attribute.type("int32") };
    return builder.emit("Reshape", [made, builder.sizes(value.shape)], types);
  });
  return node.outputs.map((_, from): Tensor => {
    const find = (type: DataType): string | undefined =>
      names[results.findIndex((result) => result.from === from && result.type === type)];
    const [full, short] = [find("float32"), find("bfloat16")];
    return {
      ...(full === undefined ? {} : { wide: full }),
      ...(short === undefined ? {} : { rounded: short }),
    };
  });
};
