// Matmuls of one transformer block, forward and backward, on tfjs-backend-wasm as published and
// as repaired by @clip-ts/core/wasm, in one process, alternating. Run: node bench/wasm-matmuls.mjs
import { cpus } from "node:os";
import "@tensorflow/tfjs-backend-wasm";
import { getKernel, matMul, randomNormal, registerKernel, setBackend, unregisterKernel } from "@tensorflow/tfjs-core";
import { repairWasmBackend } from "@clip-ts/core/wasm";

await setBackend("wasm");
const published = getKernel("BatchMatMul", "wasm");
repairWasmBackend();
const repaired = getKernel("BatchMatMul", "wasm");

const x = randomNormal([1600, 192]);
const weight = randomNormal([768, 192]);
const dy = randomNormal([1600, 768]);
const heads = randomNormal([32, 4, 50, 48]);

const matmuls = [
  ["forward      x·wᵀ       [1600,192]·[192,768]", () => matMul(x, weight, false, true), 1600 * 192 * 768],
  ["input grad   dy·w       [1600,768]·[768,192]", () => matMul(dy, weight), 1600 * 192 * 768],
  ["weight grad  dyᵀ·x      [768,1600]·[1600,192]", () => matMul(dy, x, true, false), 1600 * 192 * 768],
  ["attention    q·kᵀ  128× [50,48]·[48,50]", () => matMul(heads, heads, false, true), 128 * 50 * 48 * 50],
];

/** Makes one kernel the wasm backend's matmul. */
function use(kernel) {
  unregisterKernel("BatchMatMul", "wasm");
  registerKernel(kernel);
}

function milliseconds(run) {
  const startedAt = performance.now();
  run().dispose();
  return performance.now() - startedAt;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

console.log(`${cpus()[0].model.trim()}, Node ${process.version}, 1 thread, f32, medians of 9 alternating rounds`);
console.log(`${"".padEnd(46)}${"published".padStart(12)}${"repaired".padStart(12)}${"ratio".padStart(8)}`);
for (const [name, run, multiplications] of matmuls) {
  const times = { published: [], repaired: [] };
  for (let round = 0; round < 10; round++) {
    for (const [side, kernel] of Object.entries({ published, repaired })) {
      use(kernel);
      const ms = milliseconds(run);
      if (round > 0) times[side].push(ms);
    }
  }
  const [before, after] = [median(times.published), median(times.repaired)];
  const shown = (ms) => `${ms.toFixed(1)} ms`.padStart(12);
  const rate = (multiplications * 2) / after / 1e6;
  console.log(
    `${name.padEnd(46)}${shown(before)}${shown(after)}${`${(before / after).toFixed(1)}×`.padStart(8)}  ${rate.toFixed(0)} GFLOP/s`,
  );
}
