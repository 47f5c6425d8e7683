import { ClipError } from "@clip-ts/base";
import { sliceRows, type HostTensor } from "../host-tensor.ts";
import { finder, type TensorFile } from "../tensor-file.ts";
import { fromCanonical, type ConvertOptions } from "./from-canonical.ts";
import { bareNames, detectLayout, type Layout } from "./layout.ts";
import { isIgnorable } from "./rules-for.ts";
import { withSingleNumbers } from "./single-numbers.ts";
import { toCanonical } from "./to-canonical.ts";

type HostTensors = Readonly<Record<string, HostTensor>>;

/** Names in a file by what is left without wrappers. @throws ClipError "bad-weights" for two that become one. */
function realNamesOf({ names, label }: TensorFile): Map<string, string> {
  const realNames = new Map<string, string>();
  for (const [index, bare] of bareNames(names).entries()) {
    const name = names[index] ?? bare;
    const other = realNames.get(bare);
    if (other !== undefined) {
      throw new ClipError(
        "bad-weights",
        `${label} holds ${other} and ${name}, which are one tensor to the model, and which counts is not ` +
          "guessed: save the state dict of one model.",
        { data: { label, names: [other, name] } },
      );
    }
    realNames.set(bare, name);
  }
  return realNames;
}

/** The file without what wrappers put before its names, and without what no model learns. */
function bareFile(file: TensorFile): TensorFile {
  const realNames = realNamesOf(file);
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
  if (from === layout && layout !== "big_vision") return withSingleNumbers(file, layout); // there layers may be stacked
  const named = from === "huggingface" ? file : toCanonical(file, from);
  const canonical = withSingleNumbers(named, "huggingface");
  if (layout === "huggingface") return canonical;
  return withSingleNumbers(fromCanonical(canonical, layout, options), layout);
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
