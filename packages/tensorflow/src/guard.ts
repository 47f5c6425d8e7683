import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type DataType } from "./messages.ts";
import { afterAll } from "./variables.ts";

/** Lets a step change its state or not, depending on numbers that the step itself computes. */
export interface Guard {
  /** The same tensor, if the state may change; what needs it does not run otherwise. */
  gate(tensor: string, dtype: DataType): string;
  /** States the condition: these numbers are finite. @returns what runs once all changes are made. */
  close(numbers: readonly string[], changes: readonly string[]): string;
}

const T = attribute.type("float32");
const truth = { T: attribute.type("bool") };

/** Without a condition: the state always changes. */
export function openPassage(builder: GraphBuilder): Guard {
  return {
    gate: (tensor) => tensor,
    close: (_, changes) => builder.emit("NoOp", afterAll(changes)),
  };
}

/**
 * The state changes only if numbers named at the end are finite. TensorFlow's `Switch` sends a tensor to
 * its second output if the condition holds and leaves the other one dead; `Merge` waits for either.
 */
export function finiteGuard(builder: GraphBuilder): Guard {
  const condition = builder.reserve();
  return {
    gate: (tensor, dtype) =>
      `${builder.emit("Switch", [tensor, condition], { T: attribute.type(dtype) })}:1`,
    close(numbers, changes) {
      const checks = numbers.map((number) => builder.emit("IsFinite", [number], { T }));
      const all = checks.reduce((left, right) => builder.emit("LogicalAnd", [left, right]));
      builder.emit("Identity", [all], truth, condition);
      const sides = builder.emit("Switch", [condition, condition], truth);
      const changed = builder.emit("Identity", [`${sides}:1`, ...afterAll(changes)], truth);
      return builder.emit("Merge", [sides, changed], { ...truth, N: attribute.integer(2) });
    },
  };
}
