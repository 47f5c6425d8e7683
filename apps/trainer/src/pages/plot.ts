import * as vega from "vega";
import { compile, type Config, type TopLevelSpec } from "vega-lite";

/** One row of the table that a plot shows. */
export type PlotRow = Readonly<Record<string, string | number>>;

/** What differs between plots: see the Vega-Lite documentation. */
export type PlotSpec = Omit<Extract<TopLevelSpec, { mark: unknown }>, "$schema" | "data"> & {
  readonly rows: readonly PlotRow[];
};

/** Grey that reads on white and on black, and a palette that the colour-blind tell apart. */
const config: Config = {
  background: "transparent",
  view: { stroke: null },
  mark: { color: "#0072b2" },
  axis: {
    labelColor: "#888",
    titleColor: "#888",
    gridColor: "#8884",
    domainColor: "#888",
    tickColor: "#888",
  },
  title: { color: "#888", fontSize: 14, anchor: "start" },
  legend: { labelColor: "#888", titleColor: "#888" },
  range: { category: ["#0072b2", "#d55e00", "#009e73", "#cc79a7"] },
};

/** Draws a plot as SVG. */
export async function drawPlot({ rows, ...spec }: PlotSpec): Promise<string> {
  const full: TopLevelSpec = { data: { values: [...rows] }, config, ...spec };
  const view = new vega.View(vega.parse(compile(full).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
