import { createRequire } from "node:module";
import { ClipError } from "@clip-ts/base";
import type { Dtype, HostArray } from "@clip-ts/jit";
import type * as Koffi from "koffi";

const require = createRequire(import.meta.url);

/** A pointer of ONNX Runtime's, as a number. */
export type Handle = number | bigint;

/** The address of memory that JavaScript owns. */
export type Address = bigint;

/** A function of the library; `later` runs it on a thread of its own. */
export interface NativeFunction {
  (...values: readonly unknown[]): Handle;
  later(...values: readonly unknown[]): Promise<Handle>;
}

/**
 * Functions of ONNX Runtime's C interface that are used: place in the table of functions, and what they
 * take. The table only ever grows at its end (onnxruntime_c_api.h).
 */
const signatures = {
  GetErrorCode: [1, "int", ["uintptr_t"]],
  GetErrorMessage: [2, "str", ["uintptr_t"]],
  CreateSessionFromArray: [8, "uintptr_t", ["uintptr_t", "void *", "size_t", "uintptr_t", "void *"]],
  Run: [9, "uintptr_t", ["uintptr_t", "uintptr_t", "void *", "void *", "size_t", "void *", "size_t", "void *"]],
  CreateSessionOptions: [10, "uintptr_t", ["void *"]],
  EnableProfiling: [14, "uintptr_t", ["uintptr_t", "str"]],
  DisableMemPattern: [17, "uintptr_t", ["uintptr_t"]],
  SetSessionLogSeverityLevel: [22, "uintptr_t", ["uintptr_t", "int"]],
  SetSessionGraphOptimizationLevel: [23, "uintptr_t", ["uintptr_t", "int"]],
  SetIntraOpNumThreads: [24, "uintptr_t", ["uintptr_t", "int"]],
  CreateTensorWithDataAsOrtValue: [
    49,
    "uintptr_t",
    ["uintptr_t", "uintptr_t", "size_t", "void *", "size_t", "int", "void *"],
  ],
  CreateCpuMemoryInfo: [69, "uintptr_t", ["int", "int", "void *"]],
  ReleaseStatus: [93, "void", ["uintptr_t"]],
  ReleaseSession: [95, "void", ["uintptr_t"]],
  ReleaseValue: [96, "void", ["uintptr_t"]],
  ReleaseSessionOptions: [100, "void", ["uintptr_t"]],
  CreateEnvWithGlobalThreadPools: [119, "uintptr_t", ["int", "str", "uintptr_t", "void *"]],
  DisablePerSessionThreads: [120, "uintptr_t", ["uintptr_t"]],
  CreateThreadingOptions: [121, "uintptr_t", ["void *"]],
  ReleaseThreadingOptions: [122, "void", ["uintptr_t"]],
  AddSessionConfigEntry: [130, "uintptr_t", ["uintptr_t", "str", "str"]],
  CreateAndRegisterAllocator: [144, "uintptr_t", ["uintptr_t", "uintptr_t", "uintptr_t"]],
  SetGlobalIntraOpNumThreads: [147, "uintptr_t", ["uintptr_t", "int"]],
} as const;

/** The functions by name. */
export type OnnxFunctions = Readonly<Record<keyof typeof signatures, NativeFunction>>;

/** ONNX Runtime's C interface. */
export interface OnnxApi {
  readonly version: string;
  readonly call: OnnxFunctions;
  /** Where the elements of an array lie. They stay there as long as the array lives. */
  addressOf(array: ArrayBufferView): Address;
  /** @throws ClipError with ONNX Runtime's own words if a function returned an error. */
  check(status: Handle): void;
  /** Makes something with a function whose last argument says where to put it. */
  make(create: (place: BigUint64Array) => Handle): Handle;
}

/** Version 5 of the interface, of 2020, has all that is used. */
const interfaceVersion = 5;

function bind(koffi: typeof Koffi, pointer: Handle, result: string, given: readonly string[]) {
  const raw = koffi.decode(pointer, koffi.proto(result, [...given])) as ReturnType<Koffi.LibraryHandle["func"]>;
  const later = (...values: readonly unknown[]): Promise<Handle> =>
    new Promise((resolve, reject) => {
      raw.async(...values, (error: Error | null, value: Handle) => {
        if (error === null) resolve(value);
        else reject(error);
      });
    });
  return Object.assign((...values: readonly unknown[]) => raw(...values) as Handle, { later });
}

/** Kept for ever: koffi unloads a library that nothing refers to, under the pointers taken from it. */
const libraries: Koffi.LibraryHandle[] = [];

/** Loads the library at a path. @throws Error if it, or what calls it, cannot be loaded here. */
export function loadOnnxApi(path: string): OnnxApi {
  const koffi = require("koffi") as typeof Koffi;
  const library = koffi.load(path);
  libraries.push(library);
  const base = library.func("OrtGetApiBase", "void *", [])() as unknown;
  const [getApi, getVersion] = koffi.decode(base, koffi.array("uintptr_t", 2)) as [Handle, Handle];
  const table = bind(koffi, getApi, "uintptr_t", ["uint32_t"])(interfaceVersion);
  const length = Math.max(...Object.values(signatures).map(([place]) => place)) + 1;
  const pointers = koffi.decode(table, koffi.array("uintptr_t", length)) as ArrayLike<Handle>;
  const call = Object.fromEntries(
    Object.entries(signatures).map(([name, [place, result, given]]) => [
      name,
      bind(koffi, pointers[place] as Handle, result, given),
    ]),
  ) as OnnxFunctions;
  const check = (status: Handle): void => {
    if (BigInt(status) === 0n) return;
    const message = String(call.GetErrorMessage(status));
    call.ReleaseStatus(status);
    throw new ClipError("bad-argument", `ONNX Runtime refused: ${message}`);
  };
  return {
    version: String(bind(koffi, getVersion, "str", [])()),
    call,
    addressOf: (array) => koffi.address(array),
    check,
    make(create) {
      const place = new BigUint64Array(1);
      check(create(place));
      return place[0] as Handle;
    },
  };
}

/** ONNXTensorElementDataType. */
const elementTypes: Readonly<Record<Dtype, number>> = { float32: 1, uint8: 2, int32: 6, bool: 9 };

/** ONNX Runtime's views of arrays that JavaScript owns. */
export interface TensorViews {
  /** The view of an array as a tensor of this type; the same one each time. No element is copied. */
  of(array: HostArray, dtype: Dtype): Handle;
}

/**
 * Views are kept as long as their arrays. Elements of an ArrayBuffer never move; only handing the
 * buffer to another thread takes them away, which is noticed. `memory` describes memory of the caller's.
 */
export function createTensorViews(api: OnnxApi, memory: Handle): TensorViews {
  const known = new WeakMap<HostArray, Handle>();
  const release = new FinalizationRegistry<Handle>((view) => void api.call.ReleaseValue(view));
  const make = ({ data, shape }: HostArray, dtype: Dtype): Handle => {
    const sides = BigInt64Array.from(shape, BigInt);
    const type = elementTypes[dtype];
    return api.make((place) =>
      api.call.CreateTensorWithDataAsOrtValue(
        memory,
        api.addressOf(data),
        data.byteLength,
        sides,
        shape.length,
        type,
        place,
      ),
    );
  };
  return {
    of(array, dtype) {
      if (array.data.byteLength === 0 && !array.shape.includes(0)) {
        throw new ClipError(
          "bad-argument",
          "An array's memory was handed to another thread while the engine still needs it.",
        );
      }
      const view = known.get(array) ?? make(array, dtype);
      if (!known.has(array)) {
        known.set(array, view);
        release.register(array, view);
      }
      return view;
    },
  };
}
