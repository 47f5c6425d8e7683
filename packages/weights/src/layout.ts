import { ClipError } from "@clip-ts/base";

/** Naming scheme of a checkpoint: `openai` is also what open_clip writes. */
export type Layout = "huggingface" | "openai";

/** The naming scheme that these tensor names follow, or undefined. */
export function layoutOf(names: readonly string[]): Layout | undefined {
  if (names.some((name) => /^(module\.)?(text_model|vision_model)\./.test(name)))
    return "huggingface";
  if (names.some((name) => /^(module\.)?(visual\.|transformer\.resblocks\.)/.test(name)))
    return "openai";
  return undefined;
}

/** The naming scheme that these tensor names follow; neither is a `bad-weights` error. */
export function detectLayout(names: readonly string[]): Layout {
  const layout = layoutOf(names);
  if (layout !== undefined) return layout;
  const found = names.slice(0, 3).join(", ") || "no tensors";
  throw new ClipError(
    "bad-weights",
    `Expected CLIP weights under Hugging Face names (text_model…, vision_model…) or OpenAI names (visual…, transformer.resblocks…), found ${found}.`,
    { data: { names: names.slice(0, 20) } },
  );
}
