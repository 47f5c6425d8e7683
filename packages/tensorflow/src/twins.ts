import type { GraphBuilder } from "./graph-builder.ts";
import { attribute, type Attribute, type DataType } from "./messages.ts";
import type { StateSpec } from "./variables.ts";

/**
 * Another form of a matrix of the state, for products: with rows as columns, or packed as clip-ts's own
 * products read a right operand that lies turned, in 32 bits or in bfloat16.
 */
export type ProductForm = "transposed" | "packed" | "packedRounded";

/** Another form of a state tensor: in bfloat16, or for products. */
export type TwinForm = "rounded" | ProductForm;

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

const typeOf: Readonly<Record<TwinForm, DataType>> = {
  rounded: "bfloat16",
  transposed: "float32",
  packed: "float32",
  packedRounded: "bfloat16",
};

/** How long the sides of a form are; only the native part knows it of what it packs. */
function shapeOf(form: TwinForm, shape: readonly number[]): Attribute {
  if (form === "rounded") return attribute.shape(shape);
  return form === "transposed" ? attribute.shape(shape.toReversed()) : attribute.anyShape();
}

/** The tensor in that form. */
function converted(builder: GraphBuilder, x: string, form: TwinForm): string {
  if (form === "transposed") return builder.emit("ClipTsTransposed", [x]);
  const T = attribute.type(typeOf[form]);
  const typed =
    typeOf[form] === "float32"
      ? x
      : builder.emit("Cast", [x], { SrcT: attribute.type("float32"), DstT: T });
  return form === "rounded" ? typed : builder.emit("ClipTsPacked", [typed], { T });
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
      shape: shapeOf(form, shape),
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
