import type { RetrievalScores } from "@clip-ts/evaluation";
import { bestMatches, scoresOf } from "@clip-ts/model";
import { dataUri, type Drawing, type HeldOut } from "./held-out.ts";

/** A typed query with the drawings that fit best. */
export interface QueryMatches {
  readonly query: string;
  readonly matches: readonly { readonly drawing: Drawing; readonly similarity: number }[];
}

/** A drawing with the names that fit best. */
export interface NameMatches {
  readonly drawing: Drawing;
  readonly names: readonly { readonly name: string; readonly similarity: number }[];
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);
}

async function figure(drawing: Drawing, caption: string): Promise<string> {
  const name = escape(drawing.name);
  return `<figure><img src="${await dataUri(drawing.path)}" alt="${name}" title="${name}"><figcaption>${caption}</figcaption></figure>`;
}

async function queryRow({ query, matches }: QueryMatches): Promise<string> {
  const figures = await Promise.all(
    matches.map(({ drawing, similarity }) =>
      figure(drawing, `${escape(drawing.name)}<small>${similarity.toFixed(2)}</small>`),
    ),
  );
  return `<section><h3>“${escape(query)}”</h3><div class="row">${figures.join("")}</div></section>`;
}

async function nameCard({ drawing, names }: NameMatches): Promise<string> {
  const items = names.map(({ name, similarity }) => {
    const hit = name === drawing.name ? ' class="hit"' : "";
    return `<li${hit}>${escape(name)}<small>${similarity.toFixed(2)}</small></li>`;
  });
  return `<article>${await figure(drawing, escape(drawing.name))}<ol>${items.join("")}</ol></article>`;
}

const style = `
:root { color-scheme: light dark; --line: #8884; --hit: #2a7d4f; }
@media (prefers-color-scheme: dark) { :root { --hit: #6fd09b; } }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { margin-top: 2.5rem; } h3 { margin: 1.2rem 0 .4rem; font-weight: 600; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: .75rem; }
figure { margin: 0; text-align: center; } img { width: 5rem; height: 5rem; }
figcaption { font-size: .85rem; } small { opacity: .65; margin-left: .4em; font-variant-numeric: tabular-nums; }
section, article { border-top: 1px solid var(--line); padding: .4rem 0; }
article { display: grid; grid-template-columns: 7rem 1fr; align-items: center; }
ol { margin: 0; padding-left: 1.4rem; } .hit { color: var(--hit); font-weight: 600; }
footer { margin-top: 2.5rem; font-size: .85rem; opacity: .75; }`;

/** One self-contained HTML page of what the model finds among drawings it never saw. */
export async function contactSheet(content: {
  readonly summary: string;
  readonly queries: readonly QueryMatches[];
  readonly drawings: readonly NameMatches[];
}): Promise<string> {
  const rows = await Promise.all(content.queries.map((query) => queryRow(query)));
  const cards = await Promise.all(content.drawings.map((drawing) => nameCard(drawing)));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>clip-ts quickstart: what the model learnt</title><style>${style}</style></head><body>
<h1>What the model learnt</h1>
<p>${escape(content.summary)}</p>
<h2>Text → drawings</h2>
${rows.join("\n")}
<h2>Drawings → text</h2>
<p>The five names closest to each drawing; the right one is marked.</p>
<div class="cards">${cards.join("\n")}</div>
<footer>Drawings: Fluent Emoji 3D (MIT), held out of training. Trained on Noto Emoji (Apache-2.0) and
Twemoji (CC-BY 4.0). Names: emojibase (MIT).</footer>
</body></html>
`;
}

/** Queries as a person would type them; most are no emoji's exact name. */
const queries: readonly string[] = [
  "a red heart",
  "dog",
  "pizza",
  "crying face",
  "rocket",
  "christmas tree",
  "a yellow car",
  "snow",
  "musical instrument",
  "flower",
];

/** Every how many drawings one goes on the sheet. */
const drawingStride = 97;

/** The best drawings of each example query. */
export async function matchQueries(heldOut: HeldOut, count: number): Promise<QueryMatches[]> {
  const features = await heldOut.clip.embedTexts(queries);
  return queries.map((query, row) => ({
    query,
    matches: bestMatches(scoresOf(features, row, heldOut.images), count).map(({ index, similarity }) => ({
      drawing: heldOut.drawings[index] as HeldOut["drawings"][number],
      similarity,
    })),
  }));
}

/** The best names of drawings picked evenly from the whole set. */
export function matchDrawings({ drawings, images, names }: HeldOut, count: number): NameMatches[] {
  return drawings.flatMap((drawing, row) => {
    if (row % drawingStride !== 0) return [];
    const best = bestMatches(scoresOf(images, row, names), count);
    return [
      {
        drawing,
        names: best.map(({ index, similarity }) => ({
          name: drawings[index]?.name ?? "",
          similarity,
        })),
      },
    ];
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(8);

function row(label: string, scores: RetrievalScores): string {
  const { recallAt1, recallAt5, medianRank } = scores;
  return `  ${label.padEnd(16)}${percent(recallAt1)}${percent(recallAt5)}${String(medianRank).padStart(12)}`;
}

/** Retrieval both ways next to chance, for a terminal. */
export function retrievalTable({ report, drawings }: HeldOut): string {
  const candidates = drawings.length;
  const chance = `  ${"chance".padEnd(16)}${percent(1 / candidates)}${percent(5 / candidates)}${String(candidates / 2).padStart(12)}`;
  return [
    `  ${"".padEnd(16)}${"R@1".padStart(8)}${"R@5".padStart(8)}${"median rank".padStart(12)}`,
    row("image → text", report.imageToText),
    row("text → image", report.textToImage),
    chance,
  ].join("\n");
}

/** Example queries with their best matches, at most 80 columns. */
export function queryTable(matches: readonly QueryMatches[]): string {
  return matches
    .map(({ query, matches: best }) => {
      const names = best.slice(0, 3).map(({ drawing }) => drawing.name);
      return `  ${query.padEnd(20)}${names.join(" · ")}`.slice(0, 79);
    })
    .join("\n");
}
