/** A part of a report. */
export interface Section {
  readonly title: string;
  /** Plain text under the title. */
  readonly text?: string;
  /** Header row first. */
  readonly table?: readonly (readonly string[])[];
  /** Shown as it is, in a font of equal widths. */
  readonly code?: string;
  /** Drawings, as SVG. */
  readonly plots?: readonly string[];
}

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
  table { border-collapse: collapse; } .wide { overflow-x: auto; }
  th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; }
  th:first-child, td:first-child { text-align: left; padding-left: 0; }
  svg { max-width: 100%; height: auto; margin: 1rem 1rem 0 0; }
  footer { margin-top: 3rem; color: #888; font-size: .85rem; }`;

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** Text that HTML shows as it is. */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/gu, (character) => escapes[character] ?? character);
}

function tableHtml([header = [], ...rows]: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("\n");
  return `<div class="wide"><table><thead>${row(header, "th")}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

function sectionHtml({ title, text, table, code, plots = [] }: Section): string {
  const parts = [
    `<h2>${escapeHtml(title)}</h2>`,
    ...(text === undefined ? [] : [`<p>${escapeHtml(text)}</p>`]),
    ...(table === undefined ? [] : [tableHtml(table)]),
    ...(code === undefined ? [] : [`<pre class="wide">${escapeHtml(code)}</pre>`]),
    ...plots,
  ];
  return `<section>\n${parts.join("\n")}\n</section>`;
}

/** A page that needs no other file and no network. */
export function reportPage(title: string, sections: readonly Section[], footer: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${style}
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${sections.map(sectionHtml).join("\n")}
<footer>${escapeHtml(footer)}</footer>
</body>
</html>
`;
}
