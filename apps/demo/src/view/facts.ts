import { create, element } from "./elements.ts";

const facts = new Map<string, string>();

/** Writes a fact at the foot of the page, in place of an earlier one of the same name. */
export function showFact(name: string, value: string): void {
  facts.set(name, value);
  element("facts").replaceChildren(
    ...[...facts].map(([term, text]) =>
      create("div", {}, create("dt", { textContent: term }), create("dd", { textContent: text })),
    ),
  );
}

/** Milliseconds as people read them. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
