import type { FeatureRows } from "@clip-ts/core";

/** Embeds labels, each the mean of its prompts. */
export type EmbedLabels = (
  labels: readonly string[],
  templates: readonly string[],
) => Promise<FeatureRows>;

/** Sets kept: a program tells many images apart by few sets of labels. */
const mostSets = 4;

/** The same function, which computes a set of labels once while it is among the last few asked for. */
export function rememberLabels(embed: EmbedLabels): EmbedLabels {
  const known = new Map<string, Promise<FeatureRows>>();
  return (labels, templates) => {
    const key = JSON.stringify([labels, templates]);
    const rows = known.get(key) ?? embed(labels, templates);
    known.delete(key);
    known.set(key, rows); // the newest stands last
    rows.catch(() => known.delete(key)); // what failed is tried again
    const [oldest] = known.keys();
    if (known.size > mostSets && oldest !== undefined) known.delete(oldest);
    return rows;
  };
}
