import type { Distribution } from "@clip-ts/data";
import type { Counts, Measures } from "@clip-ts/node";
import { percent } from "../../cli/text.ts";
import type { StatsTable } from "../../pages/data-page.ts";
import { bytesText, count } from "../../cli/numbers.ts";

/** Longer lists are cut in the terminal. */
const mostRows = 12;

const hundredths = (value: number): string => (value / 100).toFixed(2);

function distributionRow(name: string, values: Distribution, shown: (value: number) => string): string[][] {
  const found = values.summary();
  if (found === undefined) return [];
  const { min, percentiles, mean, max } = found;
  return [[name, ...[min, percentiles[5], percentiles[50], mean, percentiles[95], max].map(shown)]];
}

const header = ["", "least", "5 %", "median", "mean", "95 %", "most"];

function sharesTable(title: string, counts: Counts, total: number): StatsTable[] {
  const list = counts.list();
  if (list.length === 0) return [];
  const shown = list.slice(0, mostRows);
  const rest = list.slice(mostRows).reduce((sum, [, number]) => sum + number, 0);
  const rows = [...shown, ...(rest > 0 ? [[`${list.length - mostRows} more`, rest] as const] : [])];
  const share = (number: number): string => percent(number / Math.max(1, total));
  return [{ title, rows: [["", "samples", "share"], ...rows.map(([name, n]) => [name, count(n), share(n)])] }];
}

/** Captions with more tokens than the text tower reads; those beyond 1 % of a bin are counted by it. */
function cutCaptions({ tokens }: Measures, contextLength: number): number {
  return tokens.countAbove(contextLength);
}

function captionTable(found: Measures, contextLength: number): StatsTable {
  const { measured, withoutCaption, equalCaptions } = found;
  const captions = measured - withoutCaption;
  const row = (name: string, number: number, total: number): string[] => [
    name,
    count(number),
    percent(number / Math.max(1, total)),
  ];
  return {
    title: "Captions",
    rows: [
      ["", "samples", "share"],
      row("with a caption", captions, measured),
      row("without one, or empty", withoutCaption, measured),
      row("equal to an earlier one", equalCaptions, captions),
      row(`cut at ${contextLength} tokens`, cutCaptions(found, contextLength), captions),
    ],
  };
}

/** What was measured, as tables that fit into 80 columns. */
export function statsTables(found: Measures, contextLength: number, shards: number): StatsTable[] {
  const { samples, measured, unreadable, withoutCaption } = found;
  const captions = measured - withoutCaption;
  const images = measured - unreadable;
  return [
    {
      title: "Samples",
      rows: [
        ["", "number"],
        ["shards", count(shards)],
        ["samples", count(samples)],
        ["measured", count(measured)],
        ["images that cannot be read", count(unreadable)],
      ],
    },
    ...sharesTable("Formats", found.formats, images),
    {
      title: "Images",
      rows: [
        header,
        ...distributionRow("width", found.widths, count),
        ...distributionRow("height", found.heights, count),
        ...distributionRow("longer by shorter side", found.aspects, hundredths),
        ...distributionRow("bytes", found.bytes, bytesText),
      ],
    },
    ...sharesTable("Shapes", found.shapes, images),
    captionTable(found, contextLength),
    {
      title: "Lengths of captions",
      rows: [
        header,
        ...distributionRow("characters", found.characters, count),
        ...distributionRow("tokens with start and end", found.tokens, count),
      ],
    },
    ...sharesTable("Scripts", found.scripts, captions),
    ...sharesTable("Languages (a guess, weak on short captions)", found.languages, captions),
    ...sharesTable("Names of texts", found.names, measured),
  ].filter(({ rows }) => rows.length > 1);
}

/** The same as plain JSON. */
export function statsJson(found: Measures, contextLength: number): object {
  const { widths, heights, aspects, bytes, characters, tokens } = found;
  const { formats, shapes, scripts, languages, names, ...numbers } = found;
  const summaries = { widths, heights, aspects, bytes, characters, tokens };
  const lists = { formats, shapes, scripts, languages, names };
  return {
    ...numbers,
    ...Object.fromEntries(Object.entries(summaries).map(([name, values]) => [name, values.summary()])),
    ...Object.fromEntries(Object.entries(lists).map(([name, counts]) => [name, Object.fromEntries(counts.list())])),
    contextLength,
    cutCaptions: cutCaptions(found, contextLength),
  };
}
