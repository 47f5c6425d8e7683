import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type DataType } from "./messages.ts";
import type { StateSpec } from "./variables.ts";

/** Another form of a state tensor: in bfloat16, or, of a matrix, with rows as columns. */
export type TwinForm = "rounded" | "transposed";

/** Other forms of state tensors, kept beside them so that they are not made in every run. */
export interface Twins {
  /** The variable that holds a form, if anybody reads it. */
  find(name: string, form: TwinForm): string | undefined;
  /** Reads a form, which will be kept from now on. */
  read(name: string, form: TwinForm): string;
  /** Makes all forms anew of what the state is now. @returns the assignments. */
  renew(): readonly string[];
}

interface Twin {
  readonly name: string;
  readonly form: TwinForm;
  readonly handle: string;
}

const typeOf: Readonly<Record<TwinForm, DataType>> = { rounded: "bfloat16", transposed: "float32" };

/** The tensor in that form. */
function converted(builder: GraphBuilder, x: string, form: TwinForm): string {
  const float32 = attribute.type("float32");
  return form === "transposed"
    ? builder.emit("ClipTsTransposed", [x])
    : builder.emit("Cast", [x], { SrcT: float32, DstT: attribute.type("bfloat16") });
}

/** Keeps other forms of the state tensors whose handles are given. */
export function createTwins(
  builder: GraphBuilder,
  state: Readonly<Record<string, StateSpec>>,
  handleOf: (name: string) => string,
): Twins {
  const twins = new Map<string, Twin>();
  const find = (name: string, form: TwinForm): Twin | undefined => twins.get(`${form} ${name}`);
  const add = (name: string, form: TwinForm): Twin => {
    const { shape } = state[name] as StateSpec;
    const handle = builder.emit("VarHandleOp", [], {
      dtype: attribute.type(typeOf[form]),
      shape: attribute.shape(form === "transposed" ? shape.toReversed() : shape),
      shared_name: attribute.text(`t${twins.size}`),
    });
    const twin = { name, form, handle };
    twins.set(`${form} ${name}`, twin);
    return twin;
  };
  return {
    find: (name, form) => find(name, form)?.handle,
    read(name, form) {
      const { handle } = find(name, form) ?? add(name, form);
      const types = { dtype: attribute.type(typeOf[form]) };
      return builder.emitOnce("kept", "ReadVariableOp", [handle], types);
    },
    renew: () =>
      [...twins.values()].map(({ name, form, handle }) => {
        const dtype = attribute.type("float32");
        const read = builder.emit("ReadVariableOp", [handleOf(name)], { dtype });
        const value = converted(builder, read, form);
        const types = { dtype: attribute.type(typeOf[form]) };
        return builder.emit("AssignVariableOp", [handle, value], types);
      }),
  };
}
