// CPU seconds of fitting linear probes to rows like those of CLIP: of length 1, classes that overlap.
//
//     node bench/linear-probe.mjs [--engine wasm|onnx] [--rows 2000] [--dim 256] [--classes 20] [--sweep]
import { parseArgs } from "node:util";
import { fitLinearProbe, sweepLinearProbe } from "../packages/evaluation/dist/index.js";
import { startEngine } from "@clip-ts/engines";

const { values: given } = parseArgs({
  options: {
    engine: { type: "string", default: "wasm" },
    rows: { type: "string", default: "2000" },
    dim: { type: "string", default: "256" },
    classes: { type: "string", default: "20" },
    strengths: { type: "string", default: "0.316,3162" },
    sweep: { type: "boolean", default: false },
  },
});
const [dim, classes] = [Number(given.dim), Number(given.classes)];

/** Numbers between -1 and 1, the same in every run (mulberry32). */
function noise(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

/** Rows about their classes' centres, longer in the first columns, as an image tower's features are. */
function labelled(rows, seed) {
  const centre = noise(1);
  const centres = Float64Array.from({ length: classes * dim }, centre);
  const spread = noise(seed);
  const values = new Float32Array(rows * dim);
  const labels = Int32Array.from({ length: rows }, (_, row) => row % classes);
  labels.forEach((label, row) => {
    const line = Float64Array.from({ length: dim }, (_, k) => {
      const scale = 1 / Math.sqrt(1 + (8 * k) / dim) + (k === 0 ? 20 : 0);
      return scale * (0.25 * centres[label * dim + k] + spread() + (k === 0 ? 1 : 0));
    });
    const length = Math.hypot(...line);
    values.set(
      line.map((value) => value / length),
      row * dim,
    );
  });
  return { features: { values, rows, dim }, labels };
}

async function timed(name, run) {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const said = await run();
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - startedAt) / 1000;
  const seconds = ((user + system) / 1e6).toFixed(1);
  console.log(`${name.padEnd(14)}${seconds.padStart(8)} s CPU${wall.toFixed(1).padStart(8)} s  ${said}`);
}

await startEngine(given.engine, { threads: 1 });
const train = labelled(Number(given.rows), 2);
console.log(`${given.engine}: ${given.rows} rows of ${dim}, ${classes} classes`);
for (const strength of given.strengths.split(",").map(Number)) {
  await timed(`C = ${strength}`, async () => {
    const probe = await fitLinearProbe(train.features, train.labels, { inversePenalty: strength });
    return `loss ${probe.loss}, ${probe.iterations} steps, converged ${probe.converged}`;
  });
}
if (given.sweep) {
  await timed("sweep", async () => {
    const found = await sweepLinearProbe(train, labelled(Number(given.rows) / 4, 3));
    const best = Math.max(...found.points.map(({ accuracy }) => accuracy));
    return `C = ${found.inversePenalty}, accuracy ${best}, ${found.points.length} fits`;
  });
}
