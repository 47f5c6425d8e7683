import { ClipError } from "@clip-ts/base";
import type { Dtype, HostArray } from "@clip-ts/jit";
import type { Handle, OnnxApi } from "./api.ts";

/** ONNXTensorElementDataType. */
const elementTypes: Readonly<Record<Dtype, number>> = { float32: 1, int32: 6, bool: 9 };

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
