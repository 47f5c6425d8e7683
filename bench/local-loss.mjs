// What comparing the pairs of several ranks takes of one rank: all pairs on each of them, or its own rows alone.
//
//     pnpm build && node bench/local-loss.mjs [--pairs 4096] [--ranks 4] [--joint 512] [--engine onnx] [--loss contrastive]
//
// Each form runs in a process of its own. "graph" is the most memory that a run of its graphs holds if each value is
// freed after its last use, "largest" the largest value in them; "rss" is what the process held at most while it
// compared, above what it held just before. The times are those of one rank, gathering left out.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startEngine } from "../packages/engines/dist/index.js";
import { optimize, peakBytes } from "../packages/jit/dist/index.js";
import { compareTrace, flattenNames, slopesTrace, sumsTrace, traceTree } from "../packages/jit/dist/backend.js";
import { contrastive, distilled, multiPositive, preset, sigmoid } from "../packages/model/dist/index.js";
import { gradientFunctions } from "../packages/training/dist/index.js";

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: "4096" },
    ranks: { type: "string", default: "4" },
    joint: { type: "string", default: "512" },
    engine: { type: "string", default: "onnx" },
    loss: { type: "string", default: "contrastive" },
    form: { type: "string" },
  },
});
const [pairs, ranks, joint] = [options.pairs, options.ranks, options.joint].map(Number);
const nano = preset("nano");
const objectives = {
  contrastive: () => contrastive(nano),
  "multi-positive": () => multiPositive(nano),
  sigmoid: () => sigmoid(nano),
  distillation: () => distilled(contrastive(nano)),
};

function unitRows(rows) {
  const data = Float32Array.from({ length: rows * joint }, () => Math.random() - 0.5);
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * joint, (row + 1) * joint);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    own.forEach((value, at) => (own[at] = value / length));
  }
  return { data, shape: [rows, joint] };
}

const scalar = (value) => ({ data: Float32Array.of(value), shape: [] });
const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);
const memory = (name) => {
  const found = new RegExp(`${name}:\\s+(\\d+) kB`, "u").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(found[1]) * 1024;
};

function sharedOf({ inputs }) {
  const all = {
    groups: () => ({
      data: Int32Array.from({ length: pairs }, (_, row) => row - (row % 3 === 2 ? 1 : 0)),
      shape: [pairs],
    }),
    teacherImages: () => unitRows(pairs),
    teacherTexts: () => unitRows(pairs),
    teacherScale: () => scalar(50),
  };
  return Object.fromEntries(inputs.shared.map((name) => [name, all[name]()]));
}

/** The graphs of one form, each with what it is given beside what the one before it gives. */
function tracesOf(form, source, { rows, shared }) {
  const given = { rows, shared, place: { rank: 0, size: ranks } };
  if (form === "all") return [compareTrace(source, rows, shared)];
  const sums = sumsTrace(source, given);
  const own = Object.entries(traceTree(sums.run, sums.given).outputs.sum);
  const all = Object.fromEntries(own.map(([name, { shape }]) => [name, { shape: [shape[0] * ranks] }]));
  return [sums, slopesTrace(source, { ...given, sums: all })];
}

/** What the ranks would tell each other: this one's sums so many times. */
const gathered = (results) =>
  Object.fromEntries(
    Object.entries(results).map(
      ([
        name,
        {
          data,
          shape: [count],
        },
      ]) => {
        const all = new Float32Array(count * ranks);
        for (let rank = 0; rank < ranks; rank++) all.set(data, rank * count);
        return [name, { data: all, shape: [count * ranks] }];
      },
    ),
  );

async function measure(form) {
  const { compiler } = await startEngine(options.engine);
  const objective = objectives[options.loss]();
  const params = { logit_scale: scalar(2.66), ...(options.loss === "sigmoid" && { logit_bias: scalar(-10) }) };
  const trained = Object.keys(params);
  const view = { trained, model: (leaves) => leaves, compared: (leaves) => leaves, options: {} };
  const functions = {
    ...gradientFunctions(objective, view),
    update: { leaves: Object.fromEntries(trained.map((path) => [path, {}])), slots: [], move: ({ param }) => [param] },
  };
  const rows = { image: unitRows(pairs), text: unitRows(pairs) };
  const shared = sharedOf(objective);
  const traces = tracesOf(form, { functions, params }, { rows, shared });
  const graphs = traces.map(({ run, given }) => optimize(traceTree(run, given).graph));
  const values = graphs.flatMap(({ nodes }) => nodes.flatMap(({ outputs }) => outputs));
  const compiled = [];
  for (const graph of graphs) compiled.push(await compiler.target(graph));
  const before = memory("VmRSS");
  writeFileSync("/proc/self/clear_refs", "5");
  const start = performance.now();
  let results = {};
  for (const each of compiled)
    results = await each.run({
      ...flattenNames({ param: params, feature: rows, batch: shared }),
      ...gathered(results),
    });
  return {
    graph: Math.max(...graphs.map(peakBytes)),
    largest: Math.max(...values.map(({ shape }) => 4 * shape.reduce((size, side) => size * side, 1))),
    rss: memory("VmHWM") - before,
    ms: performance.now() - start,
  };
}

if (options.form !== undefined) {
  console.log(JSON.stringify(await measure(options.form)));
} else {
  const script = fileURLToPath(import.meta.url);
  const found = ["all", "local"].map((form) => {
    const argv = [script, ...process.argv.slice(2), "--form", form];
    return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8" }).trim().split("\n").at(-1));
  });
  const [all, local] = found;
  console.log(`${options.loss}, ${pairs} pairs of ${ranks} ranks, ${joint} numbers each, ${options.engine}`);
  for (const [name, each] of [
    ["all pairs", all],
    ["own rows", local],
  ]) {
    const { graph, largest, rss, ms } = each;
    const sizes = `graph ${mebibytes(graph)} MiB, largest ${mebibytes(largest)} MiB, rss ${mebibytes(rss)} MiB`;
    console.log(`${name}: ${sizes}, ${ms.toFixed(0)} ms`);
  }
  const share = (name) => (local[name] / all[name]).toFixed(2);
  console.log(
    `own rows take: graph ${share("graph")}, largest ${share("largest")}, rss ${share("rss")}, time ${share("ms")}`,
  );
}
