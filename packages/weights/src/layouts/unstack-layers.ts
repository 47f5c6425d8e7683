import { ClipError } from "@clip-ts/base";
import { byteLengthOf, sliceRows, type TensorInfo } from "../host-tensor.ts";
import type { TensorFile } from "../tensor-file.ts";

/** A block's name where all layers are one tensor: Flax's `scan` puts them along the first axis. */
const stackedBlock = "/encoderblock/";

/** Far beyond any model, and few enough to be listed. */
const mostLayers = 1024;

interface Layer {
  readonly name: string;
  readonly index?: number;
}

/**
 * A view of a Flax checkpoint with one tensor a layer: `encoderblock/x` [layers, …] becomes
 * `encoderblock_0/x` […] and so on.
 */
export function unstackLayers(file: TensorFile): TensorFile {
  const layers = new Map<string, Layer>();
  for (const name of file.names) {
    if (!name.includes(stackedBlock)) {
      layers.set(name, { name });
      continue;
    }
    const count = file.describe(name).shape[0] ?? 0;
    if (count > mostLayers) {
      throw new ClipError(
        "bad-weights",
        `${name} holds ${count} layers; expected at most ${mostLayers}.`,
        { data: { name, count } },
      );
    }
    for (let index = 0; index < count; index++) {
      layers.set(name.replace(stackedBlock, `/encoderblock_${index}/`), { name, index });
    }
  }
  const find = (name: string): Layer => layers.get(name) ?? { name };
  const infoOf = ({ name, index }: Layer): TensorInfo => {
    const { dtype, shape } = file.describe(name);
    return { dtype, shape: index === undefined ? shape : shape.slice(1) };
  };
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...layers.keys()],
    describe(name) {
      const info = infoOf(find(name));
      return { ...info, byteLength: byteLengthOf(info) };
    },
    async read(name, rows) {
      const layer = find(name);
      if (layer.index === undefined) return file.read(layer.name, rows);
      const stacked = await file.read(layer.name, [layer.index, layer.index + 1]);
      const tensor = { ...infoOf(layer), bytes: stacked.bytes };
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}
