import { expect, test } from "vitest";
import { terminalColumns } from "../../cli/text.ts";
import { runsPage } from "../../pages/runs-page.ts";
import type { RunSummary } from "../../pages/run-summary.ts";
import { cautions, comparedMetric, differences, sortRuns } from "./compare.ts";
import { showRuns, sparkline } from "./show.ts";

/** A run of 100 steps, changed. */
const run = (name: string, changes: Partial<RunSummary> = {}): RunSummary => ({
  name,
  folder: `runs/${name}`,
  state: "done",
  steps: 100,
  asked: 100,
  loss: { last: 1.5, best: 1.25, bestStep: 90 },
  evaluations: {},
  imagesPerSecond: 200,
  waitShare: 0.021,
  wallMs: 65_000,
  model: "nano",
  engine: "onnx",
  checkpoint: "step-0000100",
  settings: { run: name, "data.batchSize": 32 },
  changes: [],
  curves: { loss: [4, 3, 2, 1].map((value, index) => ({ step: 25 * index, value })) },
  ...changes,
});

const recall = (best: number) => ({ "retrieval.meanRecallAt1": { best, step: 50, last: best } });
const names = (runs: readonly RunSummary[]): string[] => runs.map(({ name }) => name);

test("runs are sorted best first, those without the number last, by name where they are alike", () => {
  const runs = [
    run("b-10", { loss: undefined, imagesPerSecond: 300, wallMs: 1 }),
    run("b-9", { evaluations: recall(0.2) }),
    run("a", { loss: { last: 1, best: 1, bestStep: 1 }, evaluations: recall(0.9) }),
  ];
  const metric = comparedMetric(runs);
  expect(metric).toBe("retrieval.meanRecallAt1");
  const sorted = (order: "loss" | "recall" | "speed" | "name" | "time") => names(sortRuns(runs, order, metric));
  expect(sorted("loss")).toEqual(["a", "b-9", "b-10"]);
  expect(sorted("recall")).toEqual(["a", "b-9", "b-10"]);
  expect(sorted("speed")).toEqual(["b-10", "a", "b-9"]);
  expect(sorted("name")).toEqual(["a", "b-9", "b-10"]);
  expect(sorted("time")).toEqual(["b-10", "a", "b-9"]);
});

test("ranks are best when low, and a run's early stopping says what counts", () => {
  const rank = (best: number) => ({ "r.medianRank": { best, step: 1, last: best }, ...recall(0.5) });
  const settings = { "earlyStopping.metric": "r.medianRank" };
  const runs = [run("worse", { evaluations: rank(9), settings }), run("better", { evaluations: rank(2), settings })];
  expect(comparedMetric(runs)).toBe("r.medianRank");
  expect(names(sortRuns(runs, "recall", "r.medianRank"))).toEqual(["better", "worse"]);
  expect(comparedMetric([run("none")])).toBeUndefined();
});

test("settings differ by value, their folder aside; the engine is the one that ran", () => {
  const runs = [
    run("a", { settings: { run: "a", engine: "auto", list: [1, 2], "data.batchSize": 32 } }),
    run("b", {
      engine: "wasm",
      settings: { run: "b", engine: "auto", list: [1, 2], "data.batchSize": 64, extra: true },
    }),
  ];
  expect(differences(runs)).toEqual([
    { key: "engine", values: ["onnx", "wasm"] },
    { key: "data.batchSize", values: [32, 64] },
    { key: "extra", values: [undefined, true] },
  ]);
  expect(cautions(runs)).toEqual([
    "These losses compare different numbers of pairs (chance is 3.47 for 32, 4.16 for 64): compare evaluations.",
  ]);
  expect(cautions([run("a"), run("b", { settings: { "data.batchSize": 8, accumulate: 4 } })])).toEqual([]);
  expect(cautions([run("a"), run("b", { settings: { "data.batchSize": 32, "loss.kind": "sigmoid" } })])).toHaveLength(
    1,
  );
});

test("a curve spans the longest run, is blank where it has not been, and cuts off what explodes", () => {
  const points = [8, 4, 2, 1].map((value, step) => ({ step, value }));
  const scale = { low: 1, high: 8, steps: 4, width: 4 };
  expect(sparkline(points, scale)).toBe("█▄▂▁");
  expect(sparkline(points, { ...scale, steps: 8, width: 8 })).toBe("█▄▂▁");
  expect(
    sparkline(
      [
        { step: 0, value: 8 },
        { step: 2, value: 1e9 },
      ],
      scale,
    ),
  ).toBe("███");
  expect(sparkline([], scale)).toBe("");
});

test("the table is one that people read: numbers, curves, what differs", () => {
  const changes = [{ step: 50, key: "steps", from: 50, to: 100 }];
  const runs = [
    run("lr-0.001", { settings: { "schedule.learningRate": 0.001 }, evaluations: recall(0.5), changes }),
    run("lr-1", { settings: { "schedule.learningRate": 1 }, state: "diverged", reason: "The loss is NaN.", steps: 7 }),
  ];
  const metric = comparedMetric(runs);
  expect(showRuns(runs, { metric, found: differences(runs) })).toMatchInlineSnapshot(`
    "2 runs, nano, on onnx

    run         steps   loss   best     R@1  img/s  wait  time  state     loss
    lr-0.001  100/100  1.500  1.250  50.0 %    200   2 %  1:05  done      ██▆▆▆▃▃▁
    lr-1        7/100  1.500  1.250       -    200   2 %  1:05  diverged  ██▆▆▆▃▃▁

    What differs:
      lr-0.001  schedule.learningRate 0.001; steps 50 until step 50, then 100
      lr-1      schedule.learningRate 1

    lr-1: The loss is NaN."
  `);
});

test.each([1, 40])("lines keep to a terminal's width, with names times %i", (times) => {
  const huge = run("a-long-name-".repeat(times), {
    steps: 1_234_567,
    asked: 12_345_678,
    wallMs: 360_000_000,
    state: "stopped early",
    evaluations: recall(1),
    imagesPerSecond: 123_456,
    waitShare: 1,
    settings: { "data.train.path": "word ".repeat(50).trim() },
  });
  const runs = [huge, run("b")];
  const text = showRuns(runs, { metric: comparedMetric(runs), found: differences(runs) });
  expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(terminalColumns);
  expect(text).toMatch(/^run .*steps .*loss .*R@1 .*wait .*state/m);
});

test("a run of its own, runs that are alike and runs before their first step are shown too", () => {
  const empty = run("new", { loss: undefined, imagesPerSecond: undefined, waitShare: undefined, steps: 0, curves: {} });
  const text = showRuns([empty], { metric: undefined, found: [] });
  expect(text).toMatch(/^1 run, nano, on onnx\n\nrun .*\nnew +0\/100 +- +- +- +- /);
  expect(showRuns([run("a"), run("b")], { metric: undefined, found: [] })).toContain("All settings are the same.");
  const locked = [run("a"), run("b", { settings: { lock: true, "data.batchSize": 32 } })];
  expect(showRuns(locked, { metric: undefined, found: differences(locked) })).toMatch(
    /What differs:\n {2}a {2}none of these\n {2}b {2}lock true$/,
  );
});

test("the page needs no other file and escapes what it shows", async () => {
  const runs = [
    run("<a>", { evaluations: recall(0.5), reason: "it & that", state: "failed", settings: { x: "<b>" } }),
    run("b", { changes: [{ step: 3, key: "steps", from: 1, to: 2 }] }),
  ];
  const found = differences(runs);
  const page = await runsPage(runs, { metric: comparedMetric(runs), found, cautions: ["Mind this."] });
  expect(page).toContain("<title>2 runs compared</title>");
  expect(page).toContain("nano on onnx. Mind this.");
  expect(page).toContain("&lt;b&gt;");
  expect(page).toContain("it &amp; that");
  expect(page).toContain("50.0 %");
  expect(page).not.toMatch(/<[ab]>|https?:\/\/(?!www\.w3\.org)|<script|<link/);
  expect(page.match(/<svg /gu)).toHaveLength(1); // there are curves of losses only
});
