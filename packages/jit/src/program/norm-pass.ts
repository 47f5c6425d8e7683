import { square, sum, type Tensor } from "@tensorflow/tfjs-core";
import { trace } from "../trace/trace.ts";
import { chunksOf } from "./chunks.ts";
import type { HostArray } from "./host-array.ts";
import type { CompiledFunction, Target } from "./target.ts";

/** The Euclidean length of a flat array. */
export interface NormPass {
  run(): Promise<number>;
  dispose(): Promise<void>;
}

/** Elements squared and added at once: they stay in a cache between the two. */
const chunkLength = 1 << 16;

/** Compiles the length of `flat` for repeated use; sums of chunks are added in double precision. */
export async function compileNormPass(flat: Float32Array, target: Target): Promise<NormPass> {
  const whole = { settings: {}, start: 0, end: flat.length };
  const compiled = new Map<number, CompiledFunction>();
  const pieces: [CompiledFunction, HostArray][] = [];
  for (const { start, end } of chunksOf([whole], chunkLength)) {
    const shape = [end - start];
    const squares =
      compiled.get(end - start) ??
      (await target(trace(({ x }) => ({ squares: sum(square(x as Tensor)) }), { x: { shape } })));
    compiled.set(end - start, squares);
    pieces.push([squares, { data: flat.subarray(start, end), shape }]);
  }
  const into = { squares: { data: new Float32Array(1), shape: [] } };
  return {
    async run() {
      let total = 0;
      for (const [squares, x] of pieces) {
        await squares.run({ x }, into);
        total += into.squares.data[0] as number;
      }
      return Math.sqrt(total);
    },
    async dispose() {
      for (const squares of compiled.values()) await squares.dispose();
    },
  };
}
