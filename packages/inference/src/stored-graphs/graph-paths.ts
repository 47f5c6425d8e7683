import type { WeightsDtype } from "@clip-ts/onnx";

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

/** The precisions in the order in which they are looked for where none is asked for. */
export const graphOrder: readonly WeightsDtype[] = ["f32", "f16", "q8"];

/** What opens files by their names. */
interface Opens {
  readonly open: (name: string) => Promise<{ close(): Promise<void> } | undefined>;
}

/** Whether any graph is there. */
export async function hasGraphs(files: Opens): Promise<boolean> {
  for (const name of ["vision_model", "text_model", "model"] as const) {
    for (const dtype of graphOrder) {
      const source = await files.open(graphPath(name, dtype));
      await source?.close();
      if (source !== undefined) return true;
    }
  }
  return false;
}
