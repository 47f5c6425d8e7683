// @ts-check

/** Width that everything printed keeps to. */
const terminalColumns = 80;

/**
 * A table for the terminal: the first column flush left, the others flush right.
 * @param {readonly (readonly string[])[]} rows
 */
export function textTable(rows) {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return cells.join("  ").trimEnd();
  });
  return lines.join("\n");
}

/**
 * The same table for a Markdown file, aligned in its source as the formatter does it.
 * @param {readonly (readonly string[])[]} rows
 */
export function markdownTable([head = [], ...body]) {
  const widths = head.map((cell, column) => Math.max(3, cell.length, ...body.map((row) => row[column]?.length ?? 0)));
  /** @param {readonly string[]} row */
  const line = (row) =>
    `| ${head.map((_, column) => aligned(row[column] ?? "", column, widths[column] ?? 0)).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...body.map(line)].join("\n");
}

/**
 * @param {string} cell
 * @param {number} column
 * @param {number} width
 */
const aligned = (cell, column, width) => (column === 0 ? cell.padEnd(width) : cell.padStart(width));

/**
 * Breaks a text at spaces.
 * @param {string} text
 * @param {number} [width]
 */
export function wrap(text, width = terminalColumns) {
  /** @type {string[]} */
  const lines = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join("\n");
}
