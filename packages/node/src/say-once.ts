const said = new Set<string>();

/** Warns of something about a model, the first time that it is met in this process. */
export function warnOnce(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  console.warn(line);
}
