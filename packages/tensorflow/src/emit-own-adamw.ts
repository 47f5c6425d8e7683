import type { AdamwNames } from "./emit-adamw.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { Guard } from "./guard.ts";
import type { AdamwUpdate } from "./match-adamw.ts";
import { attribute } from "./messages.ts";
import { afterAll, type Variables } from "./variables.ts";

/** Tensors that the update needs, in the graph that is written. */
export interface OwnAdamwTensors {
  /** The parameter as it was read: the update comes after that. */
  readonly param: string;
  /** In bfloat16 or in 32 bits. */
  readonly gradient: string;
  readonly clip?: string;
  readonly stepSize: string;
  readonly secondRoot: string;
  readonly decay?: string;
}

/**
 * One parameter's AdamW step by the native part's own operation (packages/node/native/adamw.cc): clipping,
 * decay, moments, the parameter and its rounded form, in one pass over memory.
 * @returns the operation that ends the update.
 */
export function emitOwnAdamw(
  builder: GraphBuilder,
  variables: Variables,
  {
    update,
    names,
    tensors,
    guard,
  }: {
    readonly update: AdamwUpdate;
    readonly names: AdamwNames;
    readonly tensors: OwnAdamwTensors;
    readonly guard: Guard;
  },
): string {
  const type = builder.rounded.has(tensors.gradient) ? "bfloat16" : "float32";
  const one = builder.scalar(1, "float32");
  const { clip = one, decay = one, stepSize, secondRoot } = tensors;
  const gradient = guard.gate(tensors.gradient, type);
  const handles = [names.param, names.first, names.second].map((name) => variables.handle(name));
  return variables.changedBy(names.param, ({ operation, twin, after }) => {
    const changed = twin === undefined ? handles : [...handles, twin];
    const order = afterAll([tensors.param, ...after]);
    builder.emit(
      "ClipTsAdamW",
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
