import { terminalColumns, wrap } from "./columns.ts";
import { note } from "./output.ts";

const said = new Set<string>();

/** Tells the person at the terminal, once, what is assumed of a model whose files do not say it. */
export function onNotice(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  note(wrap(line, terminalColumns).join("\n"));
}
