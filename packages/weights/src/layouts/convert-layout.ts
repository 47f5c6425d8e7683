import { ClipError } from "@clip-ts/base";
import { byteLengthOf, sliceRows, type HostTensor, type TensorInfo } from "../host-tensor.ts";
import { noSuchTensor, type TensorFile } from "../tensor-file.ts";
import { assemble } from "./assemble.ts";
import { planConversion, type ConversionPlan } from "./conversion-plan.ts";
import { bareName, detectLayout, type Layout } from "./layout.ts";
import { isIgnorable, rulesFor } from "./rules-for.ts";
import { unstackLayers } from "./unstack-layers.ts";

type HostTensors = Readonly<Record<string, HostTensor>>;

/** Looks a name up, or throws the error for a name that is not there. */
function finder<Value>(values: ReadonlyMap<string, Value>, label: string): (name: string) => Value {
  return (name) => {
    const value = values.get(name);
    if (value === undefined) throw noSuchTensor(label, name);
    return value;
  };
}

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

/** The file under the names that a plan makes. */
function planned(file: TensorFile, plans: ConversionPlan): TensorFile {
  const find = finder(plans, file.label);
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...plans.keys()],
    describe(name) {
      const { dtype, shape } = find(name);
      return { dtype, shape, byteLength: byteLengthOf({ dtype, shape }) };
    },
    async read(name, rows) {
      const plan = find(name);
      const sources: HostTensor[] = [];
      for (const piece of plan.pieces) sources.push(await file.read(piece.name, piece.rows));
      const tensor = assemble(plan, sources);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}

function toCanonical(file: TensorFile, from: Exclude<Layout, "huggingface">): TensorFile {
  const unstacked = from === "big_vision" ? unstackLayers(file) : file;
  const { names } = unstacked;
  const describe = (name: string): TensorInfo => unstacked.describe(name);
  const rules = rulesFor(from, names);
  return planned(unstacked, planConversion(names, rules, { describe, direction: "toCanonical" }));
}

function toOpenai(file: TensorFile): TensorFile {
  const { names } = file;
  const describe = (name: string): TensorInfo => file.describe(name);
  const rules = rulesFor("openai", names);
  return planned(file, planConversion(names, rules, { describe, direction: "fromCanonical" }));
}

/**
 * A view of `original` under the names of `layout`, whatever layout it has itself. Nothing is read until
 * a tensor is, and then only the bytes that it is made of.
 * @throws ClipError "bad-weights" for names that no rule knows, "unsupported" for layouts that are
 * only read.
 */
export function convertLayout(original: TensorFile, layout: Layout): TensorFile {
  const file = bareFile(original);
  const from = detectLayout(file.names);
  if (from === layout) return file;
  if (layout !== "huggingface" && layout !== "openai") {
    throw new ClipError("unsupported", `Weights are not written under the names of ${layout}.`, {
      data: { layout },
    });
  }
  const canonical = from === "huggingface" ? file : toCanonical(file, from);
  return layout === "huggingface" ? canonical : toOpenai(canonical);
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
): Promise<Record<string, HostTensor>> {
  const file = convertLayout(fileOf(tensors), layout);
  const converted: [string, HostTensor][] = [];
  for (const name of file.names) converted.push([name, await file.read(name)]);
  return Object.fromEntries(converted);
}
