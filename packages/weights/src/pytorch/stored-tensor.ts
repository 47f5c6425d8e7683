import { ClipError } from "@clip-ts/base";
import { readExactly, type ByteSource } from "../byte-source.ts";
import {
  dtypeBytes,
  gatherStrided,
  rowMajorStrides,
  sliceRows,
  type HostTensor,
  type RowRange,
  type SafetensorsDtype,
} from "../tensor-file.ts";

/** Memory that tensors of a PyTorch file share: one entry of the archive. */
export class StorageReference {
  readonly dtype: SafetensorsDtype;
  /** Name of the entry below `data/`. */
  readonly key: string;
  /** Values, not bytes. */
  readonly count: number;

  constructor(dtype: SafetensorsDtype, key: string, count: number) {
    this.dtype = dtype;
    this.key = key;
    this.count = count;
  }
}

/** A tensor as a view of a storage: value i, j, … lies at offset + i·strides[0] + j·strides[1] + … */
export class StoredTensor {
  readonly storage: StorageReference;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: StorageReference,
    view: { offset: number; shape: readonly number[]; strides: readonly number[] },
  ) {
    this.storage = storage;
    this.offset = view.offset;
    this.shape = view.shape;
    this.strides = view.strides;
  }
}

/** A module of a TorchScript archive: its attributes, and nothing of its code. */
export class ScriptModule {
  attributes: ReadonlyMap<unknown, unknown> = new Map();
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Whether the values lie in row-major order; the strides of axes of length 1 do not matter. */
function isContiguous({ shape, strides }: StoredTensor): boolean {
  const expected = rowMajorStrides(shape);
  return shape.every((side, axis) => side === 1 || strides[axis] === expected[axis]);
}

/** Values from the tensor's first to its last, gaps included. */
function reach({ shape, strides }: StoredTensor): number {
  if (elements(shape) === 0) return 0;
  return shape.reduce((last, side, axis) => last + (side - 1) * (strides[axis] ?? 0), 0) + 1;
}

/**
 * Holds a tensor against the storage that it claims to be a view of.
 * @throws ClipError "bad-weights" where it reaches beyond, or repeats values (as an expanded tensor
 * does, whose size would then know no bounds).
 */
export function checkStoredTensor(name: string, tensor: StoredTensor, storedBytes: number): void {
  const { storage, offset, shape, strides } = tensor;
  const bytes = storage.count * dtypeBytes(storage.dtype);
  const fits = offset + reach(tensor) <= storage.count && elements(shape) <= storage.count;
  if (fits && bytes <= storedBytes) return;
  throw new ClipError(
    "bad-weights",
    `${name}: [${shape.join(", ")}] with strides [${strides.join(", ")}] from ${offset} does not fit ` +
      `its storage of ${storage.count} ${storage.dtype} values in ${storedBytes} bytes.`,
    { data: { name, shape, strides, offset, count: storage.count, storedBytes } },
  );
}

/** Rows of a tensor, as a view of the same storage. */
function rowsOf(tensor: StoredTensor, [start, end]: RowRange): StoredTensor {
  return new StoredTensor(tensor.storage, {
    offset: tensor.offset + start * (tensor.strides[0] ?? 0),
    shape: [end - start, ...tensor.shape.slice(1)],
    strides: tensor.strides,
  });
}

/** Reads a tensor, or its rows, from its storage: only the bytes from its first value to its last. */
export async function readStoredTensor(
  source: ByteSource,
  tensor: StoredTensor,
  { rows, label }: { readonly rows?: RowRange | undefined; readonly label: string },
): Promise<HostTensor> {
  const { storage, shape } = tensor;
  if (rows !== undefined) {
    sliceRows({ dtype: "U8", shape: shape.slice(0, 1), bytes: new Uint8Array() }, rows); // checks
    return readStoredTensor(source, rowsOf(tensor, rows), { label });
  }
  const size = dtypeBytes(storage.dtype);
  const range = { offset: tensor.offset * size, length: reach(tensor) * size };
  const span = await readExactly(source, range, label);
  const bytes = isContiguous(tensor) ? span : gatherStrided(span, { shape, strides: tensor.strides, size });
  return { dtype: storage.dtype, shape, bytes };
}

/** Far beyond any model: modules nest about ten deep, and the largest CLIP has a few thousand tensors. */
const limits = { depth: 64, visits: 1_000_000 } as const;

/** Where training scripts put the weights, best first; what stands beside them is not the model. */
const wrappers = ["state_dict", "model_state_dict", "model", "params"] as const;

/** The state dict itself, out of a training checkpoint that holds more. */
function unwrap(root: unknown): unknown {
  if (!(root instanceof Map)) return root;
  const wrapper = wrappers.find((key) => root.get(key) instanceof Map);
  return wrapper === undefined ? root : root.get(wrapper);
}

/**
 * Every tensor of an unpickled checkpoint by its dotted name, in stored order: a state dict, one wrapped
 * in a training checkpoint, or the modules of a TorchScript archive.
 * @throws ClipError "bad-weights" for nesting beyond reason.
 */
export function collectTensors(root: unknown, label: string): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  let visits = 0;
  const visit = (value: unknown, path: readonly string[]): void => {
    visits += 1;
    if (path.length > limits.depth || visits > limits.visits) {
      throw new ClipError("bad-weights", `${label} nests its values beyond reason.`, {
        data: { label, depth: path.length, visits },
      });
    }
    if (value instanceof StoredTensor) tensors.set(path.join("."), value);
    const inner = value instanceof ScriptModule ? value.attributes : value;
    if (!(inner instanceof Map)) return;
    for (const [key, child] of inner) visit(child, [...path, String(key)]);
  };
  visit(unwrap(root), []);
  return tensors;
}
