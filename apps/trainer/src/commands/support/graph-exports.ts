import type { ExportPrecision } from "@clip-ts/onnx";
import { type Model } from "@clip-ts/inference";
import { convertToOnnx } from "./convert-onnx.ts";
import { convertToSavedModel } from "./convert-saved-model.ts";

/** Writes a model as graphs that others run; `precisions` are those of `--to onnx`. */
export type GraphExport = (
  model: Model,
  output: string,
  precisions: readonly ExportPrecision[],
) => Promise<void>;

/** Targets of `convert` that are graphs, not weights under other names. */
export const graphExports: Readonly<Record<string, GraphExport>> = {
  onnx: convertToOnnx,
  savedmodel: convertToSavedModel,
};
