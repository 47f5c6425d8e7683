import { axisLength } from "@clip-ts/core";
import { argMax, cast, equal, mean, range, type Scalar, type Tensor } from "@tensorflow/tfjs-core";

/** Share of rows whose largest entry stands on the diagonal. logits [batch, batch] → scalar in [0, 1]. */
export function matchingAccuracy(logits: Tensor): Scalar {
  const right = range(0, axisLength(logits, 0), 1, "int32");
  return mean(cast(equal(argMax(logits, 1), right), "float32"));
}
