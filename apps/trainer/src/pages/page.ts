import type { Table } from "../cli/text.ts";

/** An image with words below it. */
export interface Picture {
  /** A short name. */
  readonly label: string;
  readonly text: string;
  /** A data URL; without it the words stand alone. */
  readonly source?: string;
  /** Where the image itself lies: a file: or http address. */
  readonly address?: string;
}

/** A part of a report. */
export interface Section {
  readonly title: string;
  /** Plain text under the title. */
  readonly text?: string;
  readonly table?: Table;
  /** Shown as it is, in a font of equal widths. */
  readonly code?: string;
  /** Drawings, as SVG. */
  readonly plots?: readonly string[];
  /** Images side by side. */
  readonly pictures?: readonly Picture[];
}

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
  .figures { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; align-items: start; }
  .wide { overflow-x: auto; max-width: 100%; } table { border-collapse: collapse; }
  th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid #8884; }
  td { white-space: nowrap; font-variant-numeric: tabular-nums; }
  th { vertical-align: bottom; }
  th:first-child, td:first-child { padding-left: 0; }
  th:last-child, td:last-child { padding-right: 0; }
  .words { text-align: left; } td.words + td ~ .words { white-space: normal; }
  .under { color: #888; } .under td:first-child { padding-left: 1rem; }
  .sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; }
  figure { margin: 0; min-width: 0; font-size: .8rem; line-height: 1.35; overflow-wrap: anywhere; }
  figure img, .missing { display: block; width: 100%; height: 8rem; object-fit: contain; background: #8882; }
  figcaption small { display: block; color: #888; }
  svg { max-width: 100%; height: auto; }
  @media (max-width: 40rem) {
    :root { font-size: 15px; } th, td { padding: .25rem .4rem; font-size: .85rem; }
  }
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

/** A row; one whose first cell is indented belongs to the row above. */
function rowHtml(cells: readonly string[], tag: "th" | "td", words: readonly number[]): string {
  const parts = cells.map((cell, column) => {
    const kind = words.includes(column) ? ' class="words"' : "";
    return `<${tag}${kind}>${escapeHtml(cell)}</${tag}>`;
  });
  const isUnder = cells[0]?.startsWith(" ") === true;
  return `<tr${isUnder ? ' class="under"' : ""}>${parts.join("")}</tr>`;
}

function tableHtml({ rows: [header = [], ...rows], words = [0] }: Table): string {
  const body = rows.map((cells) => rowHtml(cells, "td", words)).join("\n");
  const head = rowHtml(header, "th", words);
  return `<div class="wide"><table><thead>${head}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

/** More of a caption is left out. */
const longestText = 300;

function pictureHtml({ label, text, source, address }: Picture): string {
  const shown = text.length > longestText ? `${text.slice(0, longestText)}…` : text;
  const bare =
    source === undefined ? '<div class="missing"></div>' : `<img src="${source}" alt="${escapeHtml(label)}">`;
  const image = address === undefined ? bare : `<a href="${escapeHtml(address)}">${bare}</a>`;
  return `<figure>${image}<figcaption>${escapeHtml(shown)}<small>${escapeHtml(label)}</small></figcaption></figure>`;
}

function sectionHtml({ title, text, table, code, plots = [], pictures = [] }: Section): string {
  const figures = [...(table === undefined ? [] : [tableHtml(table)]), ...plots];
  const parts = [
    `<h2>${escapeHtml(title)}</h2>`,
    ...(text === undefined ? [] : [`<p>${escapeHtml(text)}</p>`]),
    ...(figures.length === 0 ? [] : [`<div class="figures">${figures.join("\n")}</div>`]),
    ...(pictures.length === 0 ? [] : [`<div class="sheet">${pictures.map(pictureHtml).join("\n")}</div>`]),
    ...(code === undefined ? [] : [`<pre class="wide">${escapeHtml(code)}</pre>`]),
  ];
  return `<section>\n${parts.join("\n")}\n</section>`;
}

/** A page that needs no other file and no network, and allows no script. */
export function reportPage(title: string, sections: readonly Section[], footer: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
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
