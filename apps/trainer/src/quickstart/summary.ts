import type { RetrievalScores } from "@clip-ts/evaluation";
import { bestMatches, scoresOf } from "@clip-ts/model";
import type { NameMatches, QueryMatches } from "./contact-sheet.ts";
import type { HeldOut } from "./held-out.ts";

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
    matches: bestMatches(scoresOf(features, row, heldOut.images), count).map(
      ({ index, similarity }) => ({
        drawing: heldOut.drawings[index] as HeldOut["drawings"][number],
        similarity,
      }),
    ),
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
