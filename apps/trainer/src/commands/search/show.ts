import type { Hit } from "@clip-ts/search";
import { note, print } from "../../cli/output.ts";
import { table, terminalColumns, wrap } from "../../cli/text.ts";
import type { Answer } from "./answer.ts";
import { dayOf } from "./facts.ts";
import { shorten, shownPaths, type ShownPaths } from "./paths.ts";

/** A number of things: "1,852 pictures". */
export const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** A rate as people say it: "5 %". */
const rate = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

/** What the cut-off means, in a sentence; nothing without one. */
function aboutCutoff({ cutoff, falsePositiveRate }: Pick<Answer, "cutoff" | "falsePositiveRate">): string {
  if (cutoff === undefined) return "";
  const often =
    falsePositiveRate === undefined
      ? ""
      : `; of searches for what is not there about ${rate(falsePositiveRate)} find something above it`;
  return `The cut-off for this query is a cosine of ${cutoff.toFixed(4)}${often}.`;
}

/** What was searched: "1,852 pictures". */
function searchedOf({ searched, pictures }: Answer): string {
  if (searched === pictures) return counted(pictures, "picture");
  return `${searched.toLocaleString("en")} of ${counted(pictures, "picture")} that the filters leave`;
}

/** Why it is not said whether pictures fit. */
const reasons: Readonly<Record<NonNullable<Answer["notJudged"]>, string>> = {
  picture: "Of a query with a picture in it, it is not judged whether they fit.",
  "no-background": "Whether they fit cannot be judged: the index has no cut-off, which clip-ts index measures.",
  "no-rows": "Whether they fit cannot be judged: the index was empty when its cut-off was measured.",
};

const longestQuery = 100;

/** One sentence on what was found, and what it means. */
export function summaryOf(answer: Answer, showsAll: boolean): string {
  const { text, hits, fits, cutoff, notJudged, searched, pictures } = answer;
  const said = text.includes('"') ? shorten(text, longestQuery) : `"${shorten(text, longestQuery)}"`;
  if (searched === 0) return `None of the ${counted(pictures, "picture")} meets the filters.`;
  if (!fits) {
    const hint = showsAll ? "These are the nearest." : "These come nearest; --all shows more.";
    return `Nothing fits ${said} among ${searchedOf(answer)}. ${aboutCutoff(answer)} ${hint}`;
  }
  const among = `${said}: the best ${hits.length} among ${searchedOf(answer)}.`;
  if (cutoff === undefined) return `${among} ${reasons[notJudged ?? "no-background"]}`;
  const fitting = hits.filter(({ similarity }) => similarity >= cutoff).length;
  const share = fitting === hits.length ? "" : ` The first ${fitting} fit.`;
  return `${among}${share} ${aboutCutoff(answer)}`;
}

const label = ({ fields }: Hit): string => shorten(String(fields["label"] ?? ""), 16);

/** Hits as a table that is no wider than a terminal. */
export function hitTable(hits: readonly Hit[], { names }: ShownPaths): string {
  const fixed = hits.map((hit, at) => [
    String(at + 1),
    hit.similarity.toFixed(4),
    dayOf(hit.fields["date"]),
    label(hit),
  ]);
  const header = ["", "cosine", "date", "label"];
  const widest = header.map((_, column) => Math.max(...[header, ...fixed].map((row) => row[column]?.length ?? 0)));
  const room = terminalColumns - widest.reduce((sum, width) => sum + width + 2, 0);
  const rows = fixed.map(([rank = "", cosine = "", ...rest], at) => [
    rank,
    cosine,
    shorten(names[at] ?? "", room),
    ...rest,
  ]);
  return table([["", "cosine", "picture", "date", "label"], ...rows], [2, 3, 4]);
}

/** What of an answer is shown: what was found, or else what comes nearest. */
export const shownHits = ({ hits, nearest = [] }: Pick<Answer, "hits" | "nearest">): readonly Hit[] =>
  hits.length > 0 ? hits : nearest;

/** Prints what a query found: the table on stdout, what it means on stderr; where nothing fits, that on stdout. */
export function showAnswer(answer: Answer, sources: readonly string[], showsAll: boolean): void {
  const { fits } = answer;
  const hits = shownHits(answer);
  const summary = wrap(summaryOf(answer, showsAll), terminalColumns).join("\n");
  if (fits) note(summary);
  else print(summary);
  if (hits.length === 0) return;
  const shown = shownPaths(
    hits.map(({ id }) => id),
    sources,
  );
  if (shown.below !== undefined) note(`Pictures lie below ${shown.below}`);
  print(hitTable(hits, shown));
}
