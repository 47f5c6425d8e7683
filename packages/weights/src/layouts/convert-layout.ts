import { ClipError } from "@clip-ts/base";
import { byteLengthOf, finder, sliceRows, type HostTensor, type TensorFile } from "../tensor-file.ts";
import { unstackLayers, type AttentionHeads } from "./big-vision-rules.ts";
import { assemble, conversionOf, withSingleNumbers, type Conversion } from "./conversion.ts";
import { toLogitScale, toTemperature, withChangedNumbers } from "./temperature.ts";
import { bareNames, detectLayout, isIgnorable, layoutOf, rulesFor, type Layout, type OtherLayout } from "./layout.ts";

/** A view of the file under the names that a conversion makes; tensors are made when they are read. */
function convertedFile(file: TensorFile, conversions: Conversion): TensorFile {
  const find = finder(conversions, file.label);
  return {
    label: file.label,
    metadata: file.metadata,
    names: [...conversions.keys()],
    describe(name) {
      const { dtype, shape } = find(name);
      return { dtype, shape, byteLength: byteLengthOf({ dtype, shape }) };
    },
    async read(name, rows) {
      const conversion = find(name);
      const sources: HostTensor[] = [];
      for (const piece of conversion.pieces) sources.push(await file.read(piece.name, piece.rows));
      const tensor = assemble(conversion, sources);
      return rows === undefined ? tensor : sliceRows(tensor, rows);
    },
  };
}

/**
 * A view of a file of another layout under clip-ts's own names.
 * @throws ClipError "bad-weights" for a name that no rule knows.
 */
function toCanonical(file: TensorFile, from: OtherLayout): TensorFile {
  const unstacked = from === "big_vision" ? unstackLayers(file) : file;
  const { names } = unstacked;
  const conversion = conversionOf(names, rulesFor(from, names), {
    describe: (name) => unstacked.describe(name),
    direction: "toCanonical",
    unknown: (name) =>
      new ClipError("bad-weights", `${name}: no tensor of a known CLIP, SigLIP or RoBERTa has this name.`, {
        data: { name },
      }),
  });
  const named = convertedFile(unstacked, conversion);
  return from === "align" ? withChangedNumbers(named, "logit_scale", toLogitScale) : named;
}

/** What a conversion needs beside the tensors. */
export interface ConvertOptions {
  /** Attention heads of each tower; needed to write big_vision's names. */
  readonly heads?: AttentionHeads;
}

/** Towers alone: what stands before their names; the rest of a model stays behind. */
const towers: Readonly<Partial<Record<OtherLayout, string>>> = {
  torchvision: "vision_model.",
  roberta: "text_model.",
};

/** What each layout holds, for errors. */
const contents: Readonly<Record<OtherLayout, string>> = {
  align: "Hugging Face's ALIGN",
  dual_encoder: "Hugging Face's plain ViT, DeiT or DINOv2 beside a text tower",
  openai: "CLIP and SigLIP as open_clip builds them",
  big_vision: "SigLIP",
  torchvision: "torchvision's vision transformer",
  roberta: "RoBERTa",
};

function cannotHold(file: TensorFile, layout: OtherLayout, found: string): ClipError {
  return new ClipError(
    "unsupported",
    `${file.label} cannot be written under the names of ${layout}, which holds ${contents[layout]}: ${found}. ` +
      'Write it as "huggingface", which takes every model.',
    { data: { label: file.label, layout } },
  );
}

/** big_vision's tree has everything under this. */
const flaxRoot = "params/";

/**
 * A view of a file under clip-ts's own names under those of another layout.
 * @throws ClipError "unsupported" for a model that the layout does not hold, "bad-argument" without the
 * heads that big_vision needs.
 */
function fromCanonical(file: TensorFile, to: OtherLayout, { heads }: ConvertOptions): TensorFile {
  if (to === "big_vision" && heads === undefined) {
    throw new ClipError(
      "bad-argument",
      "big_vision splits its attentions by heads, whose number no tensor tells: give heads, such as " +
        "{ vision: 12, text: 12 }.",
    );
  }
  const names = file.names.filter((name) => name.startsWith(towers[to] ?? ""));
  const conversion = conversionOf(names, rulesFor(to, names, heads), {
    describe: (name) => file.describe(name),
    direction: "fromCanonical",
    unknown: (name) => cannotHold(file, to, `there is no place for ${name}`),
  });
  if (layoutOf([...conversion.keys()]) !== to) throw cannotHold(file, to, "this is another model");
  const root = to === "big_vision" ? flaxRoot : "";
  const named = convertedFile(file, new Map([...conversion].map(([name, made]) => [root + name, made])));
  return to === "align" ? withChangedNumbers(named, "temperature", toTemperature) : named;
}

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
export function convertLayout(original: TensorFile, layout: Layout, options: ConvertOptions = {}): TensorFile {
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
