import type { TensorInfo } from "../host-tensor.ts";
import type { TensorFile } from "../tensor-file.ts";
import type { Layout } from "./layout.ts";

/** Scale and bias of the logits. */
const singleNumbers: ReadonlySet<string> = new Set(["logit_scale", "logit_bias"]);

/** SigLIP's text tower, whose own files keep the numbers in lists of one. */
const siglipHead = "text_model.head.weight";

/**
 * A view of a file in which scale and bias of the logits have the shape that its layout gives single numbers:
 * [1] in SigLIP under clip-ts's own names, else []. Files have either (open_clip's `nonscalar_logit_scale`),
 * whatever the model; nothing but the shape changes.
 */
export function withSingleNumbers(file: TensorFile, layout: Layout): TensorFile {
  const shape = layout === "huggingface" && file.names.includes(siglipHead) ? [1] : [];
  const shaped = <Info extends TensorInfo>(name: string, info: Info): Info => {
    const isOne = info.shape.length <= 1 && (info.shape[0] ?? 1) === 1;
    return singleNumbers.has(name) && isOne ? { ...info, shape } : info;
  };
  const isThere = file.names.some((name) => singleNumbers.has(name));
  if (!isThere) return file;
  return {
    ...file,
    describe: (name) => shaped(name, file.describe(name)),
    read: async (name, rows) =>
      rows === undefined ? shaped(name, await file.read(name)) : file.read(name, rows),
  };
}
