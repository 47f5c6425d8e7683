/** Width that all output keeps to. */
export const terminalColumns = 80;

/** Breaks a text into lines of at most `width` characters; longer words stay whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Two columns: names left, explanations right and wrapped. */
export function twoColumns(rows: readonly (readonly [name: string, text: string])[]): string {
  const left = Math.min(30, Math.max(...rows.map(([name]) => name.length)) + 4);
  const lines = rows.flatMap(([name, text]) => {
    const [first = "", ...rest] = wrap(text, terminalColumns - left);
    const opening =
      name.length + 4 > left
        ? [`  ${name}`, " ".repeat(left) + first]
        : [`  ${name}`.padEnd(left) + first];
    return [...opening, ...rest.map((line) => " ".repeat(left) + line)];
  });
  return lines.join("\n");
}
