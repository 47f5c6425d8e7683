import type { Distribution } from "@clip-ts/data";
import type { Measures } from "@clip-ts/node";
import type { Table } from "../cli/text.ts";
import { reportPage, type Picture, type Section } from "./page.ts";
import { drawPlot } from "./plot.ts";

/** A table of statistics and what it is of. */
export interface StatsTable extends Table {
  readonly title: string;
}

/** What the page of a set shows. */
export interface DataPageContent {
  readonly found: Measures;
  readonly tables: readonly StatsTable[];
  readonly pictures: readonly Picture[];
  readonly contextLength: number;
}

const mostBars = 40;

async function histogram(title: string, values: Distribution, scale = 1): Promise<string[]> {
  const bars = values.bars(mostBars);
  if (bars.length === 0) return [];
  const width = ((bars[0]?.to ?? 1) - (bars[0]?.from ?? 0)) / scale;
  // the last bar, which may hold all that is larger, is drawn as wide as the others
  const rows = bars.map(({ from, count }) => ({ from: from / scale, to: from / scale + width, samples: count }));
  const axis = { format: "~s", ...(scale === 1 && { tickMinStep: 1 }) };
  const plot = await drawPlot({
    rows,
    title,
    width: 380,
    height: 180,
    mark: { type: "bar", binSpacing: 0.5 },
    encoding: {
      x: { field: "from", bin: { binned: true }, type: "quantitative", title: null, axis },
      x2: { field: "to" },
      y: { field: "samples", type: "quantitative", title: null, axis: { minExtent: 40 } },
    },
  });
  return [plot];
}

/** The page of a data set: tables, histograms, samples. It needs no other file. */
export async function dataPage(label: string, { found, tables, pictures, contextLength }: DataPageContent) {
  const plots = (
    await Promise.all([
      histogram("width", found.widths),
      histogram("height", found.heights),
      histogram("longer by shorter side", found.aspects, 100),
      histogram("kilobytes an image", found.bytes, 1000),
      histogram("characters of a caption", found.characters),
      histogram(`tokens of a caption (${contextLength} are read)`, found.tokens),
    ])
  ).flat();
  const sections: Section[] = [
    { title: "Samples from all over the set", pictures },
    ...(plots.length === 0 ? [] : [{ title: "Histograms", plots }]),
    ...tables.map(({ title, rows, words }): Section => ({
      title,
      table: words === undefined ? { rows } : { rows, words },
    })),
  ];
  const footer =
    "The last bar of a histogram holds all above the 99th percentile. Percentiles are right to 1 %. Languages are guesses.";
  return reportPage(label, sections, footer);
}
