import { ClipError } from "@clip-ts/base";
import { assertShape, axisLength } from "@clip-ts/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { TextConfig } from "./config.ts";
import type { EncodedText } from "./encoded-text.ts";
import type { TextOptions } from "./text-options.ts";
import type { TextParams } from "./text-tower.ts";
import { textTower } from "./towers.ts";

function assertIds(ids: Tensor, { contextLength }: TextConfig): void {
  assertShape(ids, ["batch", "tokens"], "input ids");
  const tokens = axisLength(ids, 1);
  if (tokens <= contextLength) return;
  throw new ClipError(
    "bad-shape",
    `Captions of ${tokens} tokens do not fit a context of ${contextLength}: truncate them first.`,
    { data: { tokens, contextLength } },
  );
}

/**
 * Runs the text tower that the config asks for. ids [batch, tokens] int32 with tokens ≤ contextLength
 * → one feature for each caption, and every token. The parameters must be those of `textSpec(config)`.
 * @throws ClipError "bad-shape" if the captions do not fit the context.
 */
export function encodeText(
  params: TextParams,
  ids: Tensor,
  config: TextConfig,
  options: TextOptions = {},
): EncodedText {
  assertIds(ids, config);
  const { attentionMask } = options;
  if (attentionMask !== undefined) assertShape(attentionMask, ids.shape, "attention mask");
  return textTower(config).encode(params, ids, config, options);
}
