// How long preparing image files keeps the thread from other work.
//
//     node bench/event-loop-delay.mjs FILE...
import { readFile } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { clipPreprocess, preprocessYielding } from "../packages/image/dist/index.js";
import { decodeImage } from "../packages/node/dist/index.js";

for (const path of process.argv.slice(2)) {
  for (const convertRgb of ["before-resize", "after-resize"]) {
    const bytes = await readFile(path);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    const pixels = await decodeImage(bytes, path);
    const decoded = performance.now();
    await preprocessYielding(pixels, { ...clipPreprocess(224), convertRgb });
    const seconds = (from, to) => `${((to - from) / 1000).toFixed(2)} s`;
    const end = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    delay.disable();
    console.log(
      `${path} ${convertRgb}: decode ${seconds(start, decoded)}, prepare ${seconds(decoded, end)}, ` +
        `longest hold ${(delay.max / 1e6).toFixed(0)} ms`,
    );
  }
}
