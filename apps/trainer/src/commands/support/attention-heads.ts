import type { ClipConfig } from "@clip-ts/model";

/** Attention heads of both towers, for layouts that split weights by them; nothing where one has none. */
export function attentionHeads({ vision, text }: ClipConfig): {
  readonly heads?: { readonly vision: number; readonly text: number };
} {
  if (!("heads" in vision) || !("heads" in text)) return {};
  return { heads: { vision: vision.heads, text: text.heads } };
}
