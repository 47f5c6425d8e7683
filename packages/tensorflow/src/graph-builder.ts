import type { Constant, Dtype } from "@clip-ts/jit";
import { attribute, type Attribute, type NodeDef } from "./messages.ts";

/** How matrix products are computed: in 32 bits, or rounded to bfloat16 and accumulated in 32. */
export type Precision = "f32" | "bf16";

/**
 * A TensorFlow graph in the making, to which operations are only appended. Nodes are referred to by name; their
 * first output too.
 */
export interface GraphBuilder {
  readonly nodes: readonly NodeDef[];
  readonly precision: Precision;
  /** Whether TensorFlow has the operations of clip-ts's own native part. */
  readonly hasOwnOperations: boolean;
  /** Whether the native part's products of matrices run here too. */
  readonly hasOwnProducts: boolean;
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
  /** A vector made of sides of shapes; open ones (`withOpenSizes`) are computed when the graph runs. */
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
    sizes: (sides) => builder.integers(sides),
    isOpen: () => false,
    integers: (values) =>
      once(`integers ${values.join(" ")}`, () =>
        constant(Int32Array.from(values), [values.length], "int32"),
      ),
    scalar: (value, dtype) =>
      once(`scalar ${dtype} ${Object.is(value, -0) ? "-0" : value}`, () =>
        constant(typedNumber(value, dtype), [], dtype),
      ),
  };
  return builder;
}
