import { reshape, square, sum, type Tensor } from "@tensorflow/tfjs-core";
import { trace } from "../trace/trace.ts";
import { chunksOf } from "./chunks.ts";
import type { HostArray } from "@clip-ts/core";
import { runInLanes } from "./lanes.ts";
import type { CompiledFunction, Target } from "./target.ts";

/** The Euclidean length of a flat array. */
export interface NormPass {
  run(): Promise<number>;
  dispose(): Promise<void>;
}

/** A stretch of the array, and where the sum of its squares goes. */
interface Piece {
  readonly squares: CompiledFunction;
  readonly x: HostArray;
  readonly into: { readonly squares: HostArray };
}

/** Elements squared and added at once: they stay in a cache between the two. */
const chunkLength = 1 << 17;

/** Sums rows before the whole: sums of a few hundred terms keep their digits, those of 65536 do not. */
function sumOfSquares(x: Tensor): Tensor {
  const row = x.size % 256 === 0 ? 256 : 1;
  return sum(sum(reshape(square(x), [-1, row]), 1));
}

/** Compiles the length of `flat` for repeated use; sums of chunks are added in double precision. */
export async function compileNormPass(flat: Float32Array, target: Target): Promise<NormPass> {
  const whole = { settings: {}, start: 0, end: flat.length };
  const compiled = new Map<number, CompiledFunction>();
  const pieces: Piece[] = [];
  for (const { start, end } of chunksOf([whole], chunkLength)) {
    const shape = [end - start];
    const squares =
      compiled.get(end - start) ??
      (await target(
        trace(({ x }) => ({ squares: sumOfSquares(x) }), { x: { shape } }),
        {
          isShort: true,
        },
      ));
    compiled.set(end - start, squares);
    const x = { data: flat.subarray(start, end), shape };
    pieces.push({ squares, x, into: { squares: { data: new Float32Array(1), shape: [] } } });
  }
  const lanes = pieces[0]?.squares.lanes ?? 1;
  return {
    async run() {
      await runInLanes(pieces, lanes, ({ squares, x, into }) => squares.run({ x }, into));
      return Math.sqrt(pieces.reduce((total, { into }) => total + (into.squares.data[0] ?? 0), 0));
    },
    async dispose() {
      for (const squares of compiled.values()) await squares.dispose();
    },
  };
}
