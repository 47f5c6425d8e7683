import { emitAdamw, type AdamwTensors } from "./emit-adamw.ts";
import { emitOwnAdamw } from "./emit-own-adamw.ts";
import type { AdamwAttributes, AdamwOperand } from "./fuse-adamw.ts";
import type { Guard } from "./guard.ts";
import type { Lowering } from "./lowering.ts";
import { asMade, widened, type TypedTensor } from "./tensors.ts";
import type { Variables } from "./variables.ts";

/** What the updates of a step have in common. */
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
  const typed = (operand: AdamwOperand): TypedTensor | undefined =>
    tensors[operands.indexOf(operand)];
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
