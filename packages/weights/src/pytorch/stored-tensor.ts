import type { SafetensorsDtype } from "../host-tensor.ts";

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
