import { add, type Tensor } from "@tensorflow/tfjs-core";
import type { Graph } from "../ir/graph.ts";
import { trace } from "../trace/trace.ts";
import { gradientsOf, scalarOutputs, specsOf, under } from "./gradient-pass.ts";
import type { HostArrays } from "@clip-ts/core";
import { prefixed } from "./names.ts";
import type { AccumulatedGradient } from "./training-spec.ts";

/** What the three functions of an accumulated gradient are traced from. */
export interface AccumulatedSource {
  readonly spec: AccumulatedGradient;
  /** All parameters; only their shapes and types are looked at. */
  readonly params: HostArrays;
}

/** Outputs `feature:*`, the rows of one micro-batch, and `statistic:*`, what these are after it. */
export function traceEncode({ spec, params: leaves }: AccumulatedSource, like: HostArrays): Graph {
  return trace(
    (inputs) => {
      const encoded = spec.encode(under("param", inputs), under("batch", inputs));
      return {
        ...prefixed("feature", encoded.features),
        ...prefixed("statistic", encoded.statistics ?? {}),
      };
    },
    { ...prefixed("param", specsOf(leaves)), ...prefixed("batch", specsOf(like)) },
  );
}

/** Outputs `loss`, `metric:*`, `cotangent:*`, and `grad:*` of the leaves that nothing else uses. */
export function traceCompare(
  { spec, params: leaves }: AccumulatedSource,
  features: HostArrays,
  shared: HostArrays,
): Graph {
  return trace(
    (inputs) => {
      const [params, rows] = [under("param", inputs), under("feature", inputs)];
      const outcome = spec.compare(params, rows, under("batch", inputs));
      return {
        ...scalarOutputs(outcome),
        ...prefixed("cotangent", outcome.cotangents),
        ...prefixed("grad", gradientsOf(spec.compared, outcome.grads)),
      };
    },
    {
      ...prefixed("param", specsOf(leaves)),
      ...prefixed("feature", specsOf(features)),
      ...prefixed("batch", specsOf(shared)),
    },
  );
}

/** Outputs `grad:*`: `sum:*` and one micro-batch's share. */
export function tracePullBack(
  { spec, params: leaves }: AccumulatedSource,
  like: { readonly batch: HostArrays; readonly cotangents: HostArrays; readonly sums: HostArrays },
): Graph {
  const paths = Object.keys(like.sums);
  return trace(
    (inputs) => {
      const [params, batch] = [under("param", inputs), under("batch", inputs)];
      const pulled = spec.pullBack(params, batch, under("cotangent", inputs));
      const shares = Object.entries(gradientsOf(paths, pulled));
      const sums = shares.map(
        ([path, share]) => [path, add(inputs[`sum:${path}`] as Tensor, share)] as const,
      );
      return prefixed("grad", Object.fromEntries(sums));
    },
    {
      ...prefixed("param", specsOf(leaves)),
      ...prefixed("batch", specsOf(like.batch)),
      ...prefixed("cotangent", specsOf(like.cotangents)),
      ...prefixed("sum", specsOf(like.sums)),
    },
  );
}
