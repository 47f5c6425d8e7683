// @ts-check
// What it costs to cut a training step where ranks meet, and once more for each bucket of gradients: seconds of
// processor time and of the clock a step, and the most memory, each way in a process of its own, in turns.
//
//     node bench/cut-step.mjs [--engine onnx] [--rounds 3] [--steps 8] [--batch 16] [--width 384] [--layers 4]
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startEngine } from "@clip-ts/engines";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { createTraining } from "@clip-ts/training";
import { median } from "./measure/statistics.mjs";

const { values: given } = parseArgs({
  options: {
    engine: { type: "string", default: "onnx" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "8" },
    batch: { type: "string", default: "16" },
    width: { type: "string", default: "384" },
    layers: { type: "string", default: "4" },
    way: { type: "string" },
  },
});
const [rounds, steps, batch] = [Number(given.rounds), Number(given.steps), Number(given.batch)];
const [width, layers] = [Number(given.width), Number(given.layers)];

/** One rank alone: what it gathers and adds up are its own. */
const alone = {
  rank: 0,
  size: 1,
  /** @template Arrays @param {Arrays} arrays */
  gather: async (arrays) => arrays,
  /** @template Arrays @param {Arrays} arrays */
  sum: async (arrays) => arrays,
};

/** @type {Readonly<Record<string, object>>} */
const ways = {
  whole: {},
  cut: { exchange: alone },
  buckets: { exchange: { ...alone, bucketBytes: 25e6 } },
  "encoded twice": { accumulate: 2 },
};

/** ViT-B/32, narrower and less deep. */
function configOf() {
  const { vision, text, ...rest } = preset("ViT-B-32");
  const smaller = { width, layers, heads: width / 64, mlpWidth: 4 * width };
  return /** @type {import("@clip-ts/model").ClipConfig} */ ({
    ...rest,
    vision: { ...vision, ...smaller },
    text: { ...text, ...smaller },
  });
}

/** @param {string} way */
async function measure(way) {
  const { compiler } = await startEngine(/** @type {"onnx" | "tensorflow"} */ (given.engine));
  const config = configOf();
  const training = await createTraining(
    /** @type {never} */ ({
      objective: contrastive(config),
      spec: clipSpec(config),
      schedule: { kind: "constant", learningRate: 1e-4, warmupSteps: 0, steps: 1000 },
      engine: compiler,
      ...ways[way],
    }),
  );
  const size = 3 * 224 * 224;
  const ids = Array.from({ length: batch }, (_, row) => [49406, ...Array.from({ length: 14 }, () => 320 + row), 49407]);
  const pairs = {
    pixelValues: {
      data: Float32Array.from({ length: batch * size }, (_, at) => Math.sin(at)),
      shape: [batch, 3, 224, 224],
    },
    inputIds: { data: Int32Array.from(ids.flat()), shape: [batch, 16] },
  };
  await training.step(pairs);
  await training.step(pairs);
  const [before, from] = [process.cpuUsage(), performance.now()];
  let loss = 0;
  for (let step = 0; step < steps; step++) ({ loss } = await training.step(pairs));
  const { user } = process.cpuUsage(before);
  const seconds = (performance.now() - from) / 1000;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  await training.dispose();
  return { user: user / 1e6 / steps, seconds: seconds / steps, megabytes, loss };
}

if (given.way !== undefined) {
  console.log(JSON.stringify(await measure(given.way)));
} else {
  /** @type {Record<string, { user: number, seconds: number, megabytes: number, loss: number }[]>} */
  const all = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of Object.keys(ways)) {
      const child = spawnSync(
        process.execPath,
        [fileURLToPath(import.meta.url), ...process.argv.slice(2), "--way", way],
        { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
      );
      all[way]?.push(JSON.parse(child.stdout.trim().split("\n").at(-1) ?? ""));
    }
  }
  for (const [way, results] of Object.entries(all)) {
    const of = (/** @type {"user" | "seconds" | "megabytes"} */ what) => median(results.map((one) => one[what]));
    const losses = [...new Set(results.map(({ loss }) => loss))].join(", ");
    console.log(
      `${way.padEnd(14)} user ${of("user").toFixed(3)} s/step  wall ${of("seconds").toFixed(3)} s/step  ` +
        `peak ${of("megabytes").toFixed(0)} MB  loss ${losses}`,
    );
  }
}
