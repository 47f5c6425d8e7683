import { ClipError } from "@clip-ts/base";
import type { TensorShapes } from "./shapes.ts";

/** What open_clip's options leave in a checkpoint, and the keys of its config that say all of them. */
const signs: readonly (readonly [RegExp, string])[] = [
  [/^vision_model\.attn_pool\./u, '"attentional_pool", "attn_pooler_heads" and "pool_type"'],
  [/\.self_attn\.[qk]_norm\./u, '"qk_norm"'],
  [/\.self_attn\.head_scale$/u, '"scale_heads"'],
  [/\.self_attn\.inner_norm\./u, '"scale_attn_inner"'],
  [/\.attention_norm\./u, '"scale_attn"'],
  [/\.mlp\.norm\./u, '"scale_fc"'],
];

/**
 * Refuses weights of towers with options that no published model has: shapes tell that they are there, and not all
 * that belongs to them. @throws ClipError "bad-weights" with `data.missing` that names open_clip's keys.
 */
export function refuseOptions(tensors: TensorShapes): void {
  const names = [...tensors.keys()];
  const keys = signs.flatMap(([sign, key]) => (names.some((name) => sign.test(name)) ? [key] : []));
  if (keys.length === 0) return;
  throw new ClipError(
    "bad-weights",
    `These weights are of a model with options of open_clip's, ${keys.join(", ")}, of which shapes do not tell all: ` +
      "give its config (--config).",
    { data: { missing: ["options"], keys } },
  );
}
