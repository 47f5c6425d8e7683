import type { AdamwTensors } from "./emit-adamw.ts";
import type { AdamwAttributes } from "./fuse-adamw.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import type { Updates } from "./lower-adamw.ts";
import { attribute } from "./messages.ts";
import { afterAll } from "./variables.ts";

/**
 * One parameter's AdamW step by the native part's own operation (packages/node/native/adamw.cc): clipping,
 * decay, moments, the parameter and its rounded form, in one pass over memory.
 * @returns the operation that ends the update.
 */
export function emitOwnAdamw(
  builder: GraphBuilder,
  { variables, guard }: Pick<Updates, "variables" | "guard">,
  update: AdamwAttributes,
  tensors: AdamwTensors,
): string {
  const one = builder.scalar(1, "float32");
  const { clip = one, decay = one, stepSize, secondRoot, gradientType: type } = tensors;
  const gradient = guard.gate(tensors.gradient, type);
  const handles = [update.param, update.first, update.second].map((name) => variables.handle(name));
  return variables.changedBy(update.param, ({ operation, twin, after }) => {
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
