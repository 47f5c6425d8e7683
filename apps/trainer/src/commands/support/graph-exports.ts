import { convertToOnnx } from "./convert-onnx.ts";
import { convertToSavedModel } from "./convert-saved-model.ts";

/** Writes a model as graphs that others run; `dtype` is the command's option. */
export type GraphExport = (
  model: string,
  output: string,
  dtype: string | undefined,
) => Promise<void>;

/** Targets of `convert` that are graphs, not weights under other names. */
export const graphExports: Readonly<Record<string, GraphExport>> = {
  onnx: convertToOnnx,
  savedmodel: convertToSavedModel,
};
