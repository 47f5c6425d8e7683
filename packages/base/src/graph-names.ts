import { ClipError } from "./errors.ts";

/**
 * What weights are kept as: 32 bits, half precision, or 8 bits with a scale for every output of a matmul. As q8, what
 * goes into these matmuls is rounded to 8 bits when it comes.
 */
export type WeightsDtype = "f32" | "f16" | "q8";

/** Every one of them, in the order in which stored graphs are looked for where none is asked for. */
export const weightsDtypes: readonly WeightsDtype[] = ["f32", "f16", "q8"];

/** What @huggingface/transformers calls a precision, and what it adds to the names of its files. */
export const transformersNames: Readonly<Record<WeightsDtype, { readonly dtype: string; readonly suffix: string }>> = {
  f32: { dtype: "fp32", suffix: "" },
  f16: { dtype: "fp16", suffix: "_fp16" },
  q8: { dtype: "q8", suffix: "_quantized" },
};

/** The graphs that the library looks for. */
export type GraphName = "model" | "text_model" | "vision_model";

/** Where they lie in a model's folder. */
export const graphFolder = "onnx";

/** The path of a graph in a model's folder. */
export const graphPath = (name: GraphName, dtype: WeightsDtype): string =>
  `${graphFolder}/${name}${transformersNames[dtype].suffix}.onnx`;

/** The graphs that stand for a side, the first that is there. */
const sides: readonly (readonly GraphName[])[] = [
  ["vision_model", "model"],
  ["text_model", "model"],
];

/** A graph behind the files of weights beside it: NAME.onnx_data, NAME.onnx_data_1 and so on. */
const withData = (path: string, listed: readonly string[]): string[] => [
  ...listed.filter((name) => name.startsWith(`${path}_data`) && /^(_\d+)?$/u.test(name.slice(path.length + 5))),
  path,
];

/** The key of `config.json` under which `convert --to onnx` says what the graphs keep to themselves. */
export const graphSettingsKey = "clip_ts";

/** Whether a parsed `config.json` says by how much cosines are scaled. */
function saysScales(config: unknown): boolean {
  const { [graphSettingsKey]: settings } = (config ?? {}) as { readonly [graphSettingsKey]?: unknown };
  return typeof settings === "object" && settings !== null && "logit_scale" in settings;
}

/** Whether a list of files has a graph of any precision. */
export function listsGraphs(listed: readonly string[]): boolean {
  const names = weightsDtypes.flatMap((dtype) => sides.flat().map((name) => graphPath(name, dtype)));
  return names.some((name) => listed.includes(name));
}

/** What is wanted of stored graphs. */
export interface WantedGraphs {
  /** The most exact that is there if undefined. */
  readonly dtype?: WeightsDtype | undefined;
  /** The parsed `config.json`: what it does not say of scales, the whole model's graph tells. */
  readonly config?: unknown;
}

/**
 * Which of the graphs that are listed embed: each side's own, or else the whole model's, with the weights beside them,
 * and the whole model's where that alone tells the scales.
 * @throws ClipError "not-found" that names the files which were looked for.
 */
export function chooseGraphs(
  listed: readonly string[],
  place: string,
  { dtype: asked, config }: WantedGraphs = {},
): string[] {
  const dtypes = asked === undefined ? weightsDtypes : [asked];
  const pathsOf = (names: readonly GraphName[]): string[] =>
    dtypes.flatMap((dtype) => names.map((name) => graphPath(name, dtype)));
  const firstOf = (names: readonly GraphName[]): string | undefined =>
    pathsOf(names).find((path) => listed.includes(path));
  const found = sides.map((names) => firstOf(names) ?? noGraph(place, pathsOf(names), asked));
  const scales = saysScales(config) ? undefined : firstOf(["model"]);
  const paths = new Set(scales === undefined ? found : [...found, scales]);
  return [...paths].flatMap((path) => withData(path, listed));
}

/** @throws ClipError "not-found" that names the graphs which were looked for, of which one would have done. */
export function noGraph(place: string, names: readonly string[], dtype: WeightsDtype | undefined): never {
  throw new ClipError(
    "not-found",
    `${place} has no weights, and of graphs neither ${names.join(" nor ")}` +
      `${dtype === undefined ? "" : `: leave out the dtype, or write it with clip-ts convert --dtype ${dtype}`}.`,
    { data: { place, names } },
  );
}
