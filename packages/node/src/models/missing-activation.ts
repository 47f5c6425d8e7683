import { ClipError, isClipError } from "@clip-ts/base";

/**
 * Infers from the weights of `model`; where they lack the activation, the error says which command line
 * writes a folder that has it.
 */
export function sayingActivation<Result>(model: string, infer: () => Result): Result {
  try {
    return infer();
  } catch (error) {
    if (!isClipError(error) || error.data["missing"] !== "activation") throw error;
    throw new ClipError(
      "bad-config",
      `${model} comes without a config, and its weights do not say whether they were trained with ` +
        "QuickGELU (OpenAI's) or GELU (most of open_clip's); the wrong one costs accuracy. Write a folder that " +
        `says it, and use that: clip-ts convert ${model} FOLDER --to hf --activation gelu (or quick_gelu).`,
      { data: { model }, cause: error },
    );
  }
}
