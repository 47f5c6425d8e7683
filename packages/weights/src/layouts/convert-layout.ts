import { sliceRows, type HostTensor } from "../host-tensor.ts";
import { finder, type TensorFile } from "../tensor-file.ts";
import { fromCanonical, type ConvertOptions } from "./from-canonical.ts";
import { bareName, detectLayout, type Layout } from "./layout.ts";
import { isIgnorable } from "./rules-for.ts";
import { toCanonical } from "./to-canonical.ts";

type HostTensors = Readonly<Record<string, HostTensor>>;

/** The file without what wrappers put before its names, and without what no model learns. */
function bareFile(file: TensorFile): TensorFile {
  const realNames = new Map(file.names.map((name) => [bareName(name), name]));
  const find = finder(realNames, file.label);
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...realNames.keys()].filter((name) => !isIgnorable(name)),
    describe: (name) => file.describe(find(name)),
    read: (name, rows) => file.read(find(name), rows),
  };
}

/**
 * A view of `original` under the names of `layout`, whatever layout it has itself. Nothing is read until
 * a tensor is, and then only the bytes that it is made of. Of a whole model, `torchvision` and `roberta`
 * take the vision and the text tower.
 * @throws ClipError "bad-weights" for names that no rule knows, "unsupported" for a model that the layout
 * does not hold, "bad-argument" without the heads that big_vision needs.
 */
export function convertLayout(
  original: TensorFile,
  layout: Layout,
  options: ConvertOptions = {},
): TensorFile {
  const file = bareFile(original);
  const from = detectLayout(file.names);
  if (from === layout && layout !== "big_vision") return file; // big_vision's layers may be stacked
  const canonical = from === "huggingface" ? file : toCanonical(file, from);
  return layout === "huggingface" ? canonical : fromCanonical(canonical, layout, options);
}

/** Tensors in memory as a file. */
function fileOf(tensors: HostTensors): TensorFile {
  const find = finder(new Map(Object.entries(tensors)), "The checkpoint");
  return {
    label: "The checkpoint",
    metadata: {},
    names: Object.keys(tensors),
    describe: (name) => ({ ...find(name), byteLength: find(name).bytes.byteLength }),
    read(name, rows) {
      const tensor = find(name);
      return Promise.resolve(rows === undefined ? tensor : sliceRows(tensor, rows));
    },
  };
}

/**
 * Tensors in memory under the names of `layout`. Those whose values keep their order share their bytes.
 */
export async function convertTensors(
  tensors: HostTensors,
  layout: Layout,
  options: ConvertOptions = {},
): Promise<Record<string, HostTensor>> {
  const file = convertLayout(fileOf(tensors), layout, options);
  const converted: [string, HostTensor][] = [];
  for (const name of file.names) converted.push([name, await file.read(name)]);
  return Object.fromEntries(converted);
}
