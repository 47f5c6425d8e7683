import { operationNames } from "@clip-ts/native";
import type { AdamwAttributes, AdamwOperand } from "./fuse-adamw.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { afterAll, asMade, widened, type Guard, type TypedTensor, type Variables } from "./variables.ts";
import type { Lowering } from "./lowering.ts";
import { attribute } from "./messages.ts";

/** Tensors that the update needs, in the graph that is written, and the type of the gradient. */
export interface AdamwTensors extends Readonly<Record<"param" | "gradient" | "stepSize" | "secondRoot", string>> {
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
function emitAdamw(
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

/**
 * One parameter's AdamW step by the native part's own operation (packages/native/cpp/adamw.cc): clipping,
 * decay, moments, the parameter and its bfloat16 copy, in one pass over memory.
 * @returns the operation that ends the update.
 */
function emitOwnAdamw(
  builder: GraphBuilder,
  { variables, guard }: Pick<Updates, "variables" | "guard">,
  update: AdamwAttributes,
  tensors: AdamwTensors,
): string {
  const one = builder.scalar(1, "float32");
  const { clip = one, decay = one, stepSize, secondRoot, gradientType: type } = tensors;
  const gradient = guard.gate(tensors.gradient, type);
  const handles = [update.param, update.first, update.second].map((name) => variables.handle(name));
  return variables.changedBy(update.param, ({ operation, copy, after }) => {
    const changed = copy === undefined ? handles : [...handles, copy];
    const order = afterAll([tensors.param, ...after]);
    builder.emit(
      operationNames.adamw,
      [gradient, clip, decay, stepSize, secondRoot, ...changed, ...order],
      {
        T: attribute.type(type),
        N: attribute.integer(changed.length),
        beta1: attribute.float(update.beta1),
        beta2: attribute.float(update.beta2),
        eps: attribute.float(update.eps),
      },
      operation,
    );
  });
}

/** What the updates of an entry point have in common. */
export interface Updates {
  readonly variables: Variables;
  readonly guard: Guard;
  /** The operations that end the updates written so far; each update adds its own. */
  readonly ended: string[];
}

/** How many updates may run at the same time: each holds a decayed copy of its parameter. */
const updatesAtOnce = 2;

/** The operands by what they are. */
function tensorsOf({ operands }: AdamwAttributes, tensors: readonly TypedTensor[]): AdamwTensors {
  const typed = (operand: AdamwOperand): TypedTensor | undefined => tensors[operands.indexOf(operand)];
  const find = (operand: AdamwOperand): string | undefined => typed(operand)?.name;
  return {
    param: find("param") as string,
    gradient: find("gradient") as string,
    stepSize: find("stepSize") as string,
    secondRoot: find("secondRoot") as string,
    gradientType: typed("gradient")?.type ?? "float32",
    decay: find("decay"),
    clip: find("clip"),
  };
}

/** AdamW changes the state by itself; what it gives is the state read after that. */
export const adamw: Lowering = ({ node, operands, builder, updates }) => {
  if (updates === undefined) throw new Error("AdamW needs the state that it changes.");
  const { variables, ended } = updates;
  const attributes = node.attributes as AdamwAttributes;
  const isOwn = builder.hasOwnOperations;
  const given = operands.map((tensor, at): TypedTensor => {
    const mayBeRounded = isOwn && attributes.operands[at] === "gradient";
    return mayBeRounded ? asMade(tensor) : { name: widened(builder, tensor), type: "float32" };
  });
  const tensors = tensorsOf(attributes, given);
  const after = ended.slice(-updatesAtOnce).slice(0, 1);
  const end = isOwn
    ? emitOwnAdamw(builder, updates, attributes, tensors)
    : emitAdamw(builder, { ...updates, after }, attributes, tensors);
  ended.push(end);
  const { param, first, second } = attributes;
  return [param, first, second].map((name) => variables.tensor(name, [end]));
};
