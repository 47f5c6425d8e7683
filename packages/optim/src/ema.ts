import { ClipError } from "@clip-ts/base";
import type { FlatTree, HostArray, HostArrays } from "@clip-ts/core";
import { add, clone, mul, sub, tidy, type Tensor } from "@tensorflow/tfjs-core";
import { oneMinus, type ScalarValue } from "./schedule.ts";

/** The average starts as the parameters themselves. The caller owns the copies. */
export function emaInit(params: FlatTree<Tensor>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(params).map(([path, leaf]) => [path, clone(leaf)]));
}

/**
 * `decay` held back while the average is young: min(decay, (1 + step) / (10 + step)), steps counted
 * from 0 (the rule of TensorFlow's ExponentialMovingAverage).
 */
export function emaDecay(decay: number, step: number): number {
  return Math.min(decay, (1 + step) / (10 + step));
}

/**
 * The exponential moving average ema + (1 - decay) · (params - ema). CONSUMES `ema` leaf by leaf and
 * borrows `params`; the caller owns the result.
 */
export function emaUpdate(ema: FlatTree<Tensor>, params: FlatTree<Tensor>, decay: ScalarValue): Record<string, Tensor> {
  const missing = Object.keys(ema).find((path) => params[path] === undefined);
  if (missing !== undefined) {
    throw new ClipError("bad-argument", `The params have no leaf "${missing}".`, {
      data: { path: missing },
    });
  }
  const averaged = Object.entries(ema).map(([path, old]): [string, Tensor] => {
    const next = tidy(() => add(old, mul(sub(params[path] as Tensor, old), oneMinus(decay))));
    old.dispose();
    return [path, next];
  });
  return Object.fromEntries(averaged);
}

function unlike(path: string, a: HostArray | undefined, b: HostArray | undefined): ClipError {
  const shape = (leaf: HostArray | undefined): string =>
    leaf === undefined ? "nothing" : `[${leaf.shape.join(", ")}]`;
  return new ClipError(
    "bad-argument",
    `Only models of one architecture can be interpolated: at "${path}" one has ${shape(a)}, the other ${shape(b)}.`,
    { data: { path } },
  );
}

/** Each product and each sum is rounded to 32 bits, as engines do. */
function between(a: HostArray, b: HostArray, alpha: number): HostArray {
  const [before, after] = [Math.fround(1 - alpha), Math.fround(alpha)];
  const data = new Float32Array(a.data.length);
  for (let index = 0; index < data.length; index++) {
    const share = Math.fround((b.data[index] ?? 0) * after);
    data[index] = Math.fround((a.data[index] ?? 0) * before) + share;
  }
  return { data, shape: a.shape };
}

/**
 * (1 - alpha) · a + alpha · b, leaf by leaf: with a model before and after fine-tuning often better than
 * either, above all on data unlike the fine-tuning set (WiSE-FT, Wortsman et al. 2022,
 * arXiv:2109.01903). Borrows both and shares no memory with them; no engine has to run.
 * @throws ClipError "bad-argument" if alpha is not in [0, 1] or the models differ.
 */
export function interpolateWeights(a: HostArrays, b: HostArrays, alpha: number): HostArrays {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new ClipError("bad-argument", `alpha: expected a share from 0 to 1, got ${alpha}.`);
  }
  for (const path of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [one, other] = [a[path], b[path]];
    if (one?.shape.join() !== other?.shape.join()) throw unlike(path, one, other);
  }
  const leaves = Object.entries(a);
  return Object.fromEntries(leaves.map(([path, leaf]) => [path, between(leaf, b[path] as HostArray, alpha)]));
}
