import { emitAdamw, type AdamwTensors } from "./emit-adamw.ts";
import { emitOwnAdamw } from "./emit-own-adamw.ts";
import type { AdamwAttributes, AdamwOperand } from "./fuse-adamw.ts";
import type { Guard } from "./guard.ts";
import type { Lowering } from "./lowering.ts";
import { widened } from "./rounding.ts";
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
function tensorsOf({ operands }: AdamwAttributes, names: readonly string[]): AdamwTensors {
  const find = (operand: AdamwOperand): string | undefined => names[operands.indexOf(operand)];
  return {
    param: find("param") as string,
    gradient: find("gradient") as string,
    stepSize: find("stepSize") as string,
    secondRoot: find("secondRoot") as string,
    decay: find("decay"),
    clip: find("clip"),
  };
}

/** AdamW changes the state by itself; what it gives is the state read after that. */
export const adamw: Lowering = ({ node, inputs, builder, updates }) => {
  if (updates === undefined) throw new Error("AdamW needs the state that it changes.");
  const { variables, ended } = updates;
  const attributes = node.attributes as AdamwAttributes;
  const isOwn = builder.hasOwnOperations;
  const names = inputs.map((name, at) => {
    const mayBeRounded = isOwn && attributes.operands[at] === "gradient";
    return mayBeRounded ? name : widened(builder, name);
  });
  const tensors = tensorsOf(attributes, names);
  const after = ended.slice(-updatesAtOnce).slice(0, 1);
  const end = isOwn
    ? emitOwnAdamw(builder, updates, attributes, tensors)
    : emitAdamw(builder, { ...updates, after }, attributes, tensors);
  ended.push(end);
  const { param, first, second } = attributes;
  return [param, first, second].map((name) => variables.read(name, [end]));
};
