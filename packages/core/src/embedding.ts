import { gather, reshape, scatterND, type Tensor } from "@tensorflow/tfjs-core";
import { withGradient } from "./custom-gradient.ts";
import { axisLength } from "./shape.ts";
import { type ParamSpec, normal, param } from "./spec.ts";

/** weight [entries, dim]. */
export interface EmbeddingParams<Leaf = Tensor> {
  readonly weight: Leaf;
}

/** Spec of a table of `entries` rows of `dim` values, normal with the given deviation. */
export function embeddingSpec(
  entries: number,
  dim: number,
  std: number,
): EmbeddingParams<ParamSpec> {
  return { weight: param([entries, dim], normal(std), "embedding") };
}

/**
 * Rows of the table. ids [...] int32 → [..., dim].
 *
 * The gradient adds the rows of equal ids up with `scatterND`: tfjs's own gradient of `gather` needs a
 * kernel that the wasm backend lacks and that the cpu backend runs over the whole vocabulary.
 */
export function embed(params: EmbeddingParams, ids: Tensor): Tensor {
  const [entries, dim] = [axisLength(params.weight, 0), axisLength(params.weight, 1)];
  const rows = withGradient({
    inputs: [params.weight],
    forward(save) {
      const flatIds = reshape(ids, [-1, 1]);
      save(flatIds);
      return gather(params.weight, reshape(flatIds, [-1]));
    },
    backward: (dy, [flatIds]) => [scatterND(flatIds as Tensor, dy, [entries, dim])],
  });
  return reshape(rows, [...ids.shape, dim]);
}
