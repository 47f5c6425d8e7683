const said = new Set<string>();

/** Tells the person at the terminal one line, on stderr, the first time that it is to be told. */
export function sayOnce(line: string): void {
  if (said.has(line)) return;
  said.add(line);
  process.stderr.write(`${line}\n`);
}
