import type { ExportPrecision } from "@clip-ts/onnx";
import { formatClipConfig, type ClipConfig } from "@clip-ts/model";
import { isSiglip } from "./clip-functions.ts";

/** What @huggingface/transformers calls a precision, and what it adds to the names of its files. */
export const transformersNames: Readonly<
  Record<ExportPrecision, { readonly dtype: string; readonly suffix: string }>
> = {
  f32: { dtype: "fp32", suffix: "" },
  f16: { dtype: "fp16", suffix: "_fp16" },
  int8: { dtype: "q8", suffix: "_quantized" },
};

/** What the library must know besides the model's own config. */
export interface TransformersSettings {
  /** The precision it takes unless it is told another. */
  readonly precision: ExportPrecision;
  /** How many files of weights lie beside a model's file, for those that have any. */
  readonly dataFiles: Readonly<Record<string, number>>;
}

/**
 * The `config.json` from which @huggingface/transformers knows how to call an exported model. The graph
 * brings its own arithmetic, so every CLIP is called "clip" or "siglip" here.
 */
export function transformersConfig(
  config: ClipConfig,
  { precision, dataFiles }: TransformersSettings,
): object {
  const hasDataFiles = Object.keys(dataFiles).length > 0;
  return {
    ...formatClipConfig(config),
    model_type: isSiglip(config) ? "siglip" : "clip",
    "transformers.js_config": {
      dtype: transformersNames[precision].dtype,
      ...(hasDataFiles ? { use_external_data_format: dataFiles } : {}),
    },
  };
}
