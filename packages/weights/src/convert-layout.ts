import { byteLengthOf, sliceRows, type HostTensor } from "./host-tensor.ts";
import { assemble } from "./assemble.ts";
import { planConversion } from "./conversion-plan.ts";
import { detectLayout, type Layout } from "./layout.ts";
import { noSuchTensor, type TensorFile } from "./tensor-file.ts";

type HostTensors = Readonly<Record<string, HostTensor>>;

/** Looks a name up, or throws the error for a name that is not there. */
function finder<Value>(values: ReadonlyMap<string, Value>, label: string): (name: string) => Value {
  return (name) => {
    const value = values.get(name);
    if (value === undefined) throw noSuchTensor(label, name);
    return value;
  };
}

/** Real names by the names without the prefix that PyTorch's parallel wrappers add. */
function withoutModulePrefix(names: readonly string[]): Map<string, string> {
  return new Map(names.map((name) => [name.replace(/^module\./, ""), name]));
}

function convert(tensors: HostTensors, from: Layout): Record<string, HostTensor> {
  const entries = Object.entries(tensors);
  const byName = new Map(entries.map(([name, tensor]) => [name.replace(/^module\./, ""), tensor]));
  const find = finder(byName, "The checkpoint");
  const plans = planConversion([...byName.keys()], from, find);
  const converted = [...plans].map(([name, plan]): [string, HostTensor] => {
    const sources = plan.sources.map((source) =>
      source.rows === undefined ? find(source.name) : sliceRows(find(source.name), source.rows),
    );
    return [name, assemble(plan, sources)];
  });
  return Object.fromEntries(converted);
}

/**
 * A checkpoint under OpenAI's names (open_clip's too), renamed to Hugging Face's: the stacked attention
 * inputs are split and the projections transposed. Tensors that need neither share their bytes.
 */
export function openaiToHuggingFace(tensors: HostTensors): Record<string, HostTensor> {
  return convert(tensors, "openai");
}

/** The way back: a checkpoint under Hugging Face's names, renamed to OpenAI's. */
export function huggingFaceToOpenai(tensors: HostTensors): Record<string, HostTensor> {
  return convert(tensors, "huggingface");
}

/** The file without the `module.` prefix of parallel training. */
function bareNames(file: TensorFile): TensorFile {
  const realNames = withoutModulePrefix(file.names);
  const find = finder(realNames, file.label);
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...realNames.keys()],
    describe: (name) => file.describe(find(name)),
    read: (name, rows) => file.read(find(name), rows),
  };
}

/**
 * A view of `original` under the names of `layout`. Nothing is read until a tensor is, and then only
 * the bytes that it is made of.
 */
export function convertLayout(original: TensorFile, layout: Layout): TensorFile {
  const file = bareNames(original);
  const from = detectLayout(file.names);
  if (from === layout) return file;
  const plans = planConversion(file.names, from, file.describe);
  const find = finder(plans, file.label);
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...plans.keys()],
    describe(name) {
      const plan = find(name);
      return { dtype: plan.dtype, shape: plan.shape, byteLength: byteLengthOf(plan) };
    },
    async read(name, rows) {
      const plan = find(name);
      const sources: HostTensor[] = [];
      for (const source of plan.sources) sources.push(await file.read(source.name, source.rows));
      const tensor = assemble(plan, sources);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}
