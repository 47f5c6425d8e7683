import type { StartedEngine } from "@clip-ts/node";
import { terminalColumns, wrap } from "./columns.ts";
import { note } from "./output.ts";

const indent = 8;

/** The first lines of every run: which engine computes, and why. */
export function announceEngine({ name, detail, reason }: StartedEngine): void {
  const [first = "", ...rest] = wrap(`${name} (${detail}): ${reason}`, terminalColumns - indent);
  note(`engine  ${first}`);
  for (const line of rest) note(" ".repeat(indent) + line);
}
