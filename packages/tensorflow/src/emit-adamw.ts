import type { GraphBuilder } from "./graph-builder.ts";
import type { AdamwAttributes } from "./fuse-adamw.ts";
import type { Updates } from "./lower-adamw.ts";
import { attribute } from "./messages.ts";
import type { TypedTensor } from "./tensors.ts";
import { afterAll } from "./variables.ts";

/** Tensors that the update needs, in the graph that is written, and the type of the gradient. */
export interface AdamwTensors extends Readonly<
  Record<"param" | "gradient" | "stepSize" | "secondRoot", string>
> {
  readonly gradientType: TypedTensor["type"];
  readonly decay: string | undefined;
  /** The factor of a gradient that is still to be clipped. */
  readonly clip: string | undefined;
}

/** The state, whether it may change, and which updates come first. */
export interface AdamwPlace extends Pick<Updates, "variables" | "guard"> {
  /** Operations that must have ended before: updates so far back that memory is held by few at a time. */
  readonly after: readonly string[];
}

const T = attribute.type("float32");

/**
 * One parameter's AdamW step as one pass over memory. `ResourceApplyAdam` computes
 * lr · m / (√v + eps); the wanted stepSize · m / (√v / root + eps) is that with both numbers times root.
 * Decay multiplies the parameter beforehand. @returns the operation that ends the update.
 */
export function emitAdamw(
  builder: GraphBuilder,
  { variables, guard, after }: AdamwPlace,
  update: AdamwAttributes,
  { param, gradient, stepSize, secondRoot, decay }: AdamwTensors,
): string {
  const rate = builder.emitOnce("rate", "Mul", [stepSize, secondRoot], { T });
  const eps = builder.scalar(update.eps, "float32");
  const scaledEps = builder.emitOnce("eps", "Mul", [eps, secondRoot], { T });
  const before: string[] = [param, ...after];
  if (decay !== undefined) {
    const one = builder.scalar(1, "float32");
    const lost = builder.emitOnce("lost", "Sub", [one, decay], { T });
    // Behind the gate, or all of it would be computed, and kept, before the first gradient is.
    const operands = [guard.gate(param, "float32"), lost, ...afterAll(after)];
    const change = builder.emit("Mul", operands, { T });
    // In place: a new parameter in every step would lie between what lives for a step only.
    const subtracted = [variables.handle(update.param), change, ...afterAll(before)];
    before.push(builder.emit("AssignSubVariableOp", subtracted, { dtype: T }));
  }
  const zero = builder.scalar(0, "float32");
  const operands = [
    ...[update.param, update.first, update.second].map((name) => variables.handle(name)),
    zero,
    zero,
    rate,
    builder.scalar(update.beta1, "float32"),
    builder.scalar(update.beta2, "float32"),
    scaledEps,
    guard.gate(gradient, "float32"),
  ];
  return builder.emit("ResourceApplyAdam", [...operands, ...afterAll(before)], { T });
}
