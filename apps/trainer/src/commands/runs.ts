import type { Arguments, Command } from "../cli/command.ts";
import { note, print, writeStdout } from "../cli/output.ts";

/** Where configs usually put runs. */
const usualFolder = "runs";

const orders = ["loss", "recall", "speed", "name", "time"] as const;

async function write(path: string, content: string): Promise<void> {
  const { writeFileWhole } = await import("@clip-ts/files");
  if (path === "-") return writeStdout(content);
  await writeFileWhole(path, content);
  note(`wrote   ${path}`);
}

async function run({ positionals, text }: Arguments): Promise<void> {
  const { findRuns } = await import("./compare-runs/find-runs.ts");
  const { readRun } = await import("./compare-runs/read-run.ts");
  const { cautions, comparedMetric, differences, sortRuns } = await import("./compare-runs/compare.ts");
  const { showRuns } = await import("./compare-runs/show.ts");
  const found = await findRuns(positionals.length > 0 ? positionals : [usualFolder]);
  const read = await Promise.all(found.map(readRun));
  const metric = comparedMetric(read);
  const order = orders.find((name) => name === text("sort")) ?? "loss";
  const runs = sortRuns(read, order, metric);
  const differing = differences(runs);
  print(showRuns(runs, { metric, found: differing }));
  const [json, page] = [text("json"), text("html")];
  if (json !== undefined) {
    const kept = runs.map((each) => ({ ...each, curves: undefined }));
    const differ = differing.map(({ key }) => key);
    await write(json, `${JSON.stringify({ sort: order, metric, differ, runs: kept }, undefined, 2)}\n`);
  }
  if (page !== undefined) {
    const { runsPage } = await import("../pages/runs-page.ts");
    await write(page, await runsPage(runs, { metric, found: differing, cautions: cautions(runs) }));
  }
}

/** clip-ts runs */
export const runsCommand: Command = {
  name: "runs",
  words: "[FOLDER...]",
  needs: 0,
  summary: "compare training runs",
  details:
    `A FOLDER is a run or holds runs, up to three folders deep; ${usualFolder} if none is named. Shown are steps, ` +
    "loss (the mean of the last 10 lines of metrics) and its best, the best evaluation, images per second, the " +
    "share of time that waited for data, wall time, how the run ended or that it is running, and the settings " +
    "that are not the same in all. Runs that are on their way, were cut off or are old are read too.",
  options: {
    sort: { type: "string", choices: orders, help: "loss, recall, speed, name or time (default loss)" },
    json: { type: "string", value: "FILE", writes: true, help: "write all numbers and settings as JSON; - is stdout" },
    html: { type: "string", value: "FILE", writes: true, help: "write a page with curves; - is stdout" },
  },
  run,
};
