import {
  cast,
  expandDims,
  lessEqual,
  mul,
  range,
  sub,
  tidy,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { hiddenScore } from "./padding-mask.ts";

/**
 * [tokens, tokens]: 0 where a query may see a key, very negative where the key comes later. Computed, not
 * written down, so that a graph traced with it fits any number of tokens.
 */
export function causalMask(tokens: number): Tensor {
  return tidy(() => {
    const positions = range(0, tokens, 1, "float32");
    const isSeen = lessEqual(expandDims(positions, 0), expandDims(positions, 1)); // [query, key]
    return mul(sub(cast(isSeen, "float32"), 1), -hiddenScore);
  });
}
