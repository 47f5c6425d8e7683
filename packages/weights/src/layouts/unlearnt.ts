import { byteLengthOf, sliceRows, type HostTensor, type TensorFile, type TensorInfo } from "../tensor-file.ts";
import type { Layout } from "./layout.ts";

/** What batch norms keep of their running mean, and how many batches went into it. */
const counted = /(?<=\.)running_mean$/u;
const counter = "num_batches_tracked";

/** Only DINOv2 with registers has these, and in transformers always a token for hidden patches beside them. */
const registers = /(?<=\.)register_tokens$/u;
const maskToken = "mask_token";

const zeros = ({ dtype, shape }: TensorInfo): HostTensor => {
  const info = { dtype, shape };
  return { ...info, bytes: new Uint8Array(byteLengthOf(info)) };
};

/** The tensor that must stand beside one of this name in files of a layout. */
function besides(name: string, info: TensorInfo, layout: Layout): readonly [name: string, tensor: HostTensor][] {
  if (layout === "align" && counted.test(name)) {
    return [[name.replace(counted, counter), zeros({ dtype: "I64", shape: [] })]];
  }
  if (layout === "dual_encoder" && registers.test(name)) {
    const width = info.shape.at(-1) ?? 0;
    return [[name.replace(registers, maskToken), zeros({ dtype: info.dtype, shape: [1, width] })]];
  }
  return [];
}

/**
 * Tensors of zeros that transformers looks for in files of a layout beside those of these names, though no model here
 * learns them: the batches that batch norms have counted, and a token for hidden patches, which starts as zeros there.
 */
export function unlearntTensors(
  names: readonly string[],
  describe: (name: string) => TensorInfo,
  layout: Layout,
): Readonly<Record<string, HostTensor>> {
  return Object.fromEntries(names.flatMap((name) => besides(name, describe(name), layout)));
}

/** A view of a file in a layout with those tensors beside its own. */
export function withUnlearnt(file: TensorFile, layout: Layout): TensorFile {
  const extra = new Map(Object.entries(unlearntTensors(file.names, (name) => file.describe(name), layout)));
  if (extra.size === 0) return file;
  return {
    ...file,
    names: [...file.names, ...extra.keys()],
    describe(name) {
      const tensor = extra.get(name);
      if (tensor === undefined) return file.describe(name);
      return { dtype: tensor.dtype, shape: tensor.shape, byteLength: tensor.bytes.byteLength };
    },
    async read(name, rows) {
      const tensor = extra.get(name);
      if (tensor === undefined) return file.read(name, rows);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}
