import type { StartedEngine } from "@clip-ts/engines";
import { terminalColumns, wrap } from "./columns.ts";
import { note } from "./output.ts";

const indent = 8;

/** The first lines of every run: what would make it far faster, which engine computes, and why. */
export function announceEngine({ name, detail, reason, slowdown }: StartedEngine): void {
  if (slowdown !== undefined) {
    note(`slow    ${slowdown.said}`);
    note(`        ${slowdown.fix}`); // in one piece, to be pasted
  }
  const [first = "", ...rest] = wrap(`${name} (${detail}): ${reason}`, terminalColumns - indent);
  note(`engine  ${first}`);
  for (const line of rest) note(" ".repeat(indent) + line);
}
