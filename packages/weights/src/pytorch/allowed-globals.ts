import { ClipError, shown } from "@clip-ts/base";
import { isShape, type SafetensorsDtype } from "../tensor-file.ts";
import { ScriptModule, StorageReference, StoredTensor } from "./stored-tensor.ts";

/** What a pickle may name: how it is called with arguments, or a mere word. */
export interface PickleGlobal {
  /** `module.name`, as the pickle spells it. */
  readonly name: string;
  /** Value type of a storage class. */
  readonly dtype?: SafetensorsDtype;
  /** Makes the value that the real thing would stand for; absent: it cannot be called. */
  readonly make?: (args: readonly unknown[]) => unknown;
}

const storages: Readonly<Record<string, SafetensorsDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** `_rebuild_tensor_v2(storage, offset, shape, strides, …)`. */
function rebuildTensor([storage, offset, shape, strides]: readonly unknown[]): StoredTensor {
  const isValid =
    storage instanceof StorageReference &&
    isCount(offset) &&
    isShape(shape) &&
    isCounts(strides) &&
    shape.length === strides.length;
  if (isValid) return new StoredTensor(storage, { offset, shape, strides });
  throw new ClipError("bad-weights", "a tensor's storage, shape or strides make no sense.");
}

function ordered([pairs]: readonly unknown[]): Map<unknown, unknown> {
  return new Map(Array.isArray(pairs) ? (pairs as [unknown, unknown][]) : []);
}

const first = ([value]: readonly unknown[]): unknown => value;

/** Everything callable. Each makes a plain value; none touches anything outside. */
const makers: Readonly<Record<string, PickleGlobal["make"]>> = {
  "collections.OrderedDict": ordered,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": first,
  "torch._utils._rebuild_parameter_with_state": first,
  "torch.Size": first,
  "torch.device": first,
  "torch.jit._pickle.build_intlist": first,
  "torch.jit._pickle.build_doublelist": first,
  "torch.jit._pickle.build_boollist": first,
  "torch.jit._pickle.build_tensorlist": first,
  "torch.jit._pickle.restore_type_tag": first,
};

const dtypeWord = /^torch\.(float|half|double|bfloat|u?int|short|long|bool)\d*$/;

/**
 * The stand-in for a global that a pickle names. A pickle of tensors needs only a few; anything else
 * could be a way to run code.
 * @throws ClipError "bad-weights" naming a global that is not on the list.
 */
export function allowedGlobal(module: string, attribute: string, label: string): PickleGlobal {
  const name = `${module}.${attribute}`;
  if (module === "torch" && Object.hasOwn(storages, attribute)) {
    return { name, dtype: storages[attribute] as SafetensorsDtype };
  }
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (make !== undefined) return { name, make };
  if (dtypeWord.test(name)) return { name };
  if (/^__torch__(\.|$)/.test(module)) return { name, make: () => new ScriptModule() };
  throw new ClipError(
    "bad-weights",
    `${label} names ${shown(name)}, which no file of tensors needs; it could run code, so nothing was ` +
      "read. If you trust the file, save its state dict alone (torch.save(model.state_dict(), …)) or as safetensors.",
    { data: { label, name } },
  );
}
