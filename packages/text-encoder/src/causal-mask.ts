import { tensor2d, type Tensor } from "@tensorflow/tfjs-core";
import { hiddenScore } from "./padding-mask.ts";

/** [tokens, tokens]: 0 where a query may see a key, very negative where the key comes later. */
export function causalMask(tokens: number): Tensor {
  const scores = new Float32Array(tokens * tokens);
  for (let query = 0; query < tokens; query++) {
    scores.fill(hiddenScore, query * tokens + query + 1, (query + 1) * tokens);
  }
  return tensor2d(scores, [tokens, tokens]);
}
