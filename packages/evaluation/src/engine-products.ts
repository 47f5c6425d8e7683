import { turnTaker } from "@clip-ts/base";
import type { FeatureRows } from "@clip-ts/core";
import {
  concat,
  dispose,
  matMul,
  mul,
  ones,
  tensor2d,
  tidy,
  type Rank,
  type Tensor,
  type Tensor2D,
} from "@tensorflow/tfjs-core";
import type { ProbeProducts } from "./probe-products.ts";

/** Products of float32 on tfjs's engine. */
export interface EngineProducts extends ProbeProducts {
  /** Xᵀ · diag(weights) · X, weights [rows] not below 0: [width, width], owned by the caller. */
  readonly gramOf: (weights: Float64Array) => Promise<Float64Array>;
  readonly dispose: () => void;
}

const matrix = (values: Float64Array, rows: number): Tensor2D =>
  tensor2d(new Float32Array(values), [rows, values.length / rows]);

/** Puts the features on the engine. Dispose when done. */
export function engineProducts({ values, rows, dim }: FeatureRows): EngineProducts {
  const inputs = tidy(() =>
    concat<Tensor2D>([tensor2d(values, [rows, dim]), ones<Rank.R2>([rows, 1])], 1),
  );
  const takeTurn = turnTaker();
  const read = async (tensor: Tensor): Promise<Float64Array> => {
    const values = (await tensor.data()) as Float32Array;
    tensor.dispose();
    await takeTurn(); // engines on the processor give none while they compute
    return new Float64Array(values);
  };
  return {
    logitsOf: (weights, classes) =>
      read(tidy(() => matMul(inputs, matrix(weights, classes), false, true))),
    sumsOf: (residuals) => read(tidy(() => matMul(matrix(residuals, rows), inputs, true, false))),
    gramOf: (weights) =>
      read(
        tidy(() => {
          const weighed = mul(inputs, matrix(weights.map(Math.sqrt), rows));
          return matMul(weighed, weighed, true, false);
        }),
      ),
    dispose: () => dispose(inputs),
  };
}
