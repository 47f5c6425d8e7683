/** The labels of a text, one a line or between commas; blanks and repetitions are left out. */
export function parseLabels(text: string): string[] {
  const labels = text.split(/[\n,]/u).map((label) => label.trim());
  return [...new Set(labels)].filter((label) => label !== "");
}
