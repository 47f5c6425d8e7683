import type { Constant, Dtype, Value } from "@clip-ts/jit";
import { isOpen } from "@clip-ts/jit/backend";
import { attribute, type Attribute, type NodeDef } from "./messages.ts";
import type { Forms } from "./rows/forms.ts";
import type { ProductForm } from "./twins.ts";
import { emitSizes, noOpenSizes, type OpenSizes } from "./open-sizes.ts";

/** How matrix products are computed: in 32 bits, or rounded to bfloat16 and accumulated in 32. */
export type Precision = "f32" | "bf16";

/** A TensorFlow graph in the making. Nodes are referred to by name; their first output too. */
export interface GraphBuilder {
  readonly nodes: readonly NodeDef[];
  readonly precision: Precision;
  /** Names of values that come from outside the graph being written, parameters among them. */
  readonly inputNames: Map<number, string>;
  /** Names of tensors that hold bfloat16 numbers for values of 32 bits: what products made of rounded operands. */
  readonly rounded: Set<string>;
  /** Constants of one number, by name. */
  readonly numbers: Map<string, number>;
  /** For tensors whose rounded form is kept between runs: what reads that, by name. */
  readonly keptRounded: Map<string, () => string>;
  /** For matrices that may be kept between runs as products read them fastest: what reads such a form, by name. */
  readonly keptForProducts: Map<string, (form: ProductForm) => string>;
  /** For tensors of 32 bits that also exist in bfloat16: the name of that. */
  readonly roundedForms: Map<string, string>;
  /** Whether TensorFlow has the operations of clip-ts's own native part. */
  readonly hasOwnOperations: boolean;
  /** Whether the native part's products of matrices run here too. */
  readonly hasOwnProducts: boolean;
  /** In which types a value of the graph being written is read. */
  formsOf: (value: Value) => Forms;
  /** The open sizes of the graph being written. */
  openSizes: OpenSizes;
  /** Whether products with the input of this name are not rounded. */
  readonly staysExact: (input: string) => boolean;
  /** Appends an operation. @returns its name, which also stands for its first output. */
  emit(
    op: string,
    inputs: readonly string[],
    attributes?: Record<string, Attribute>,
    name?: string,
  ): string;
  /** A name for an operation that is appended later. */
  reserve(): string;
  /** Appends an operation unless the same one, of the same inputs, already stands there. */
  emitOnce(
    key: string,
    op: string,
    inputs: readonly string[],
    attributes?: Record<string, Attribute>,
  ): string;
  /** A constant; the same memory is stored once. */
  constant(data: Constant["data"], shape: readonly number[], dtype: Dtype): string;
  /** A vector of whole numbers, such as axes; the same one is stored once. */
  integers(values: readonly number[]): string;
  /** A vector made of sides of shapes; open ones are computed when the graph runs. */
  sizes(sides: readonly number[]): string;
  /** Whether a side is open. */
  isOpen(side: number): boolean;
  /** A single number; the same one is stored once. */
  scalar(value: number, dtype: Dtype): string;
}

/** One number in the memory layout of its type. */
function typedNumber(value: number, dtype: Dtype): Constant["data"] {
  if (dtype === "float32") return Float32Array.of(value);
  return dtype === "int32" ? Int32Array.of(value) : Uint8Array.of(value);
}

/** What TensorFlow has of clip-ts's own native part: nothing by default. */
export interface OwnOperations {
  readonly hasOwnOperations?: boolean | undefined;
  /** Products of matrices, which are for some processors only. */
  readonly hasOwnProducts?: boolean | undefined;
}

/** What a graph is made for. */
export interface BuilderOptions extends OwnOperations {
  /** f32 by default. */
  readonly precision?: Precision | undefined;
  /** Whether products with the input of this name are not rounded. */
  readonly staysExact?: ((input: string) => boolean) | undefined;
}

/** What is noted of tensors, before there are any. */
const blankNotes = (): Pick<
  GraphBuilder,
  | "formsOf"
  | "inputNames"
  | "keptRounded"
  | "keptForProducts"
  | "numbers"
  | "openSizes"
  | "rounded"
  | "roundedForms"
> => ({
  inputNames: new Map(),
  rounded: new Set(),
  keptRounded: new Map(),
  keptForProducts: new Map(),
  roundedForms: new Map(),
  numbers: new Map(),
  formsOf: () => ({ float32: true, bfloat16: false }),
  openSizes: noOpenSizes,
});

/** An empty graph. */
export function createGraphBuilder({
  precision = "f32",
  staysExact = () => false,
  hasOwnOperations = false,
  hasOwnProducts = false,
}: BuilderOptions = {}): GraphBuilder {
  const nodes: NodeDef[] = [];
  const known = new Map<string, string>();
  let reserved = 0;
  // Names are short, for tfjs-node copies the list of them once per name.
  const emit: GraphBuilder["emit"] = (op, inputs, attributes = {}, name = `n${nodes.length}`) => {
    nodes.push({ name, op, inputs, attributes });
    return name;
  };
  const once = (key: string, make: () => string): string => {
    const name = known.get(key) ?? make();
    known.set(key, name);
    return name;
  };
  const stored = new WeakMap<Constant["data"], Map<string, string>>();
  const constant: GraphBuilder["constant"] = (data, shape, dtype) => {
    const known = stored.get(data) ?? new Map<string, string>();
    stored.set(data, known);
    const name = known.get(shape.join()) ?? emitConstant(data, shape, dtype);
    known.set(shape.join(), name);
    return name;
  };
  const emitConstant = (data: Constant["data"], shape: readonly number[], dtype: Dtype): string =>
    emit("Const", [], {
      dtype: attribute.type(dtype),
      value: attribute.tensor(data, shape, dtype),
    });
  const builder: GraphBuilder = {
    ...blankNotes(),
    nodes,
    precision,
    hasOwnOperations,
    hasOwnProducts,
    staysExact,
    emit,
    reserve: () => `r${reserved++}`,
    emitOnce: (key, op, inputs, attributes) =>
      once(`${op} ${key} ${inputs.join(" ")}`, () => emit(op, inputs, attributes)),
    constant,
    sizes: (sides) => emitSizes(builder, sides),
    isOpen: (side) => isOpen(side, builder.openSizes.symbols),
    integers: (values) =>
      once(`integers ${values.join(" ")}`, () =>
        constant(Int32Array.from(values), [values.length], "int32"),
      ),
    scalar: (value, dtype) =>
      once(`scalar ${dtype} ${Object.is(value, -0) ? "-0" : value}`, () => {
        const name = constant(typedNumber(value, dtype), [], dtype);
        builder.numbers.set(name, value);
        return name;
      }),
  };
  return builder;
}
