import { create } from "@bufbuild/protobuf";
import {
  TensorProto_DataType,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from "./generated/onnx_pb.ts";
import { createNode } from "./onnx-builder.ts";
import { floatsOf, typeOfResults } from "./write-onnx.ts";

const { FLOAT, FLOAT16, BOOL } = TensorProto_DataType;

/** The largest number of half precision; what is larger, such as a mask's, becomes it. */
const largestHalf = 65_504;

/** Sums, and what would leave half precision's range on the way to them, stay in 32 bits. */
const staysWide: ReadonlySet<string> = new Set([
  "Exp",
  "Pow",
  "Range",
  "Reciprocal",
  "ReduceMean",
  "ReduceSum",
  "Sqrt",
]);

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** The bits of the half nearest to a number, ties to even (IEEE 754-2019, section 3.6). */
export function halfBits(value: number): number {
  scratch[0] = Math.max(-largestHalf, Math.min(largestHalf, value));
  const bits = scratchBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (Number.isNaN(value)) return sign | 0x7e00;
  if (magnitude >= 0x3880_0000) {
    const rounded = magnitude + 0x0fff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x3800_0000) >>> 13); // exponents are biased by 15 instead of 127
  }
  // Between 0.5 and 1, floats are 2^-24 apart, as the smallest halves are: adding 0.5 rounds.
  scratchBits[0] = magnitude;
  scratch[0] += 0.5;
  return sign | (scratchBits[0] - 0x3f00_0000);
}

/** Halves of 32-bit floats, as `halfBits` makes them, several times faster for numbers of the usual range. */
function halvesOf(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let index = 0; index < bits.length; index++) {
    const all = bits[index] as number;
    const magnitude = all & 0x7fff_ffff;
    const isUsual = magnitude >= 0x3880_0000 && magnitude <= 0x477f_e000; // 2^-14 to 65,504
    const rounded = magnitude + 0x0fff + ((magnitude >>> 13) & 1);
    halves[index] = isUsual
      ? ((all >>> 16) & 0x8000) | ((rounded - 0x3800_0000) >>> 13)
      : halfBits(floats[index] as number);
  }
  return halves;
}

function halved(tensor: TensorProto, name: string): TensorProto {
  const { dims } = tensor;
  const rawData = new Uint8Array(halvesOf(floatsOf(tensor)).buffer);
  return create(TensorProtoSchema, { name, dims, dataType: FLOAT16, rawData });
}

/** The graph being written in half precision. Float values exist as 32 bits, as 16, or as both. */
class HalfWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  private readonly types: Map<string, number>;
  private readonly inputs: ReadonlySet<string>;
  private readonly constants: ReadonlyMap<string, TensorProto>;
  /** Computed values, and inputs, by whether they exist in 32 bits. */
  private readonly isWide = new Map<string, boolean>();
  private readonly casts = new Map<string, string>();

  constructor(graph: GraphProto) {
    this.types = new Map(graph.initializer.map(({ name, dataType }) => [name, dataType]));
    this.constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.inputs = new Set(graph.input.map(({ name }) => name));
    for (const { name, type } of graph.input) {
      const elemType = type?.value.case === "tensorType" ? type.value.value.elemType : FLOAT;
      this.types.set(name, elemType);
      this.isWide.set(name, true);
    }
  }

  private isFloat(name: string): boolean {
    return this.types.get(name) === FLOAT;
  }

  /** Appends a conversion. */
  cast(from: string, to: string, type: number): void {
    this.nodes.push(createNode("Cast", [from], [to], { to: type }));
  }

  /** The name under which a value exists in the dtype wanted; it is made when first asked for. */
  inDtype(name: string, wide: boolean): string {
    if (!this.isFloat(name) || this.isWide.get(name) === wide) return name;
    const key = `${name} ${wide ? "wide" : "half"}`;
    const known = this.casts.get(key);
    if (known !== undefined) return known;
    const constant = this.constants.get(name);
    const made = constant !== undefined && wide ? name : key;
    this.casts.set(key, made);
    if (constant === undefined) this.cast(name, made, wide ? FLOAT : FLOAT16);
    else this.initializers.push(wide ? constant : halved(constant, made));
    return made;
  }

  /** Whether an operation is computed in 32 bits: by its kind, or because all it is given is. */
  private computesWide({ opType, input }: NodeProto): boolean {
    const isSquare = opType === "Mul" && input[0] === input[1];
    const isCount = opType === "Cast" && !this.isFloat(input[0] as string);
    if (isCount) return this.types.get(input[0] as string) !== BOOL; // 0 and 1 are exact
    if (staysWide.has(opType) || isSquare) return true;
    const computed = input.filter((name) => this.isFloat(name) && !this.isGiven(name));
    return computed.length > 0 && computed.every((name) => this.isWide.get(name));
  }

  /** Inputs and constants say nothing about the dtype of what is made of them. */
  private isGiven(name: string): boolean {
    return this.inputs.has(name) || this.constants.has(name);
  }

  /** Appends an operation in the dtype it is computed in. */
  write(node: NodeProto): void {
    const wide = this.computesWide(node);
    for (const [name, type] of typeOfResults(node, this.types)) {
      this.types.set(name, type);
      if (type === FLOAT) this.isWide.set(name, wide);
    }
    const input = node.input.map((name) => this.inDtype(name, wide));
    const isCastDown = node.opType === "Cast" && !wide && this.isFloat(node.output[0] as string);
    if (isCastDown) this.cast(input[0] as string, node.output[0] as string, FLOAT16);
    else this.nodes.push({ ...node, input });
  }

  /** The constants that are no floats, as they were. */
  otherConstants(): TensorProto[] {
    return [...this.constants.values()].filter(({ dataType }) => dataType !== FLOAT);
  }

  /** Gives an output that exists only in 16 bits its 32 bits back, under its own name. */
  widenOutput(name: string): void {
    if (!this.isFloat(name) || this.isWide.get(name) === true) return;
    const inner = `${name} half`;
    const outer = (other: string): string => (other === name ? inner : other);
    for (const node of this.nodes) {
      node.input = node.input.map(outer);
      node.output = node.output.map(outer);
    }
    this.cast(inner, name, FLOAT);
  }
}

/**
 * The model with weights and most of its arithmetic in half precision; inputs and outputs stay as they
 * are. Lengths of vectors, ids, and cosines of unit vectors are computed in 32 bits, where 16 would
 * overflow or confuse neighbouring token ids.
 */
export function halveModel(model: ModelProto): ModelProto {
  const graph = model.graph as GraphProto;
  const writer = new HalfWriter(graph);
  for (const node of graph.node) writer.write(node);
  for (const { name } of graph.output) writer.widenOutput(name);
  const initializer = [...writer.otherConstants(), ...writer.initializers];
  return { ...model, graph: { ...graph, node: writer.nodes, initializer } };
}

/**
 * The model with its weights stored in half precision and computed in 32 bits: each is widened where it is read, which
 * ONNX Runtime does once, when it loads the model. Biases, norms and scales stay as they are.
 * For processors, which have no arithmetic of 16 bits, and for graphics cards without it.
 */
export function halveWeights(model: ModelProto): ModelProto {
  const graph = model.graph as GraphProto;
  const isHalved = ({ dataType, dims }: TensorProto): boolean => dataType === FLOAT && dims.length > 1;
  const halves = graph.initializer.filter(isHalved);
  const casts = halves.map(({ name }) => createNode("Cast", [`${name} half`], [name], { to: FLOAT }));
  const initializer = [
    ...graph.initializer.filter((tensor) => !isHalved(tensor)),
    ...halves.map((tensor) => halved(tensor, `${tensor.name} half`)),
  ];
  return { ...model, graph: { ...graph, node: [...casts, ...graph.node], initializer } };
}
