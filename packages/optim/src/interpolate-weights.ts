import { ClipError } from "@clip-ts/base";
import type { FlatTree } from "@clip-ts/core";
import { add, mul, tidy, type Tensor } from "@tensorflow/tfjs-core";

function unlike(path: string, a: Tensor | undefined, b: Tensor | undefined): ClipError {
  const shape = (leaf: Tensor | undefined): string =>
    leaf === undefined ? "nothing" : `[${leaf.shape.join(", ")}]`;
  return new ClipError(
    "bad-argument",
    `Only models of one architecture can be interpolated: at "${path}" one has ${shape(a)}, the other ${shape(b)}.`,
    { data: { path } },
  );
}

/**
 * (1 - alpha) · a + alpha · b, leaf by leaf: with a model before and after fine-tuning often better than
 * either, above all on data unlike the fine-tuning set (WiSE-FT, Wortsman et al. 2022,
 * arXiv:2109.01903). Borrows both; the caller owns the result.
 * @throws ClipError "bad-argument" if alpha is not in [0, 1] or the trees differ.
 */
export function interpolateWeights(
  a: FlatTree<Tensor>,
  b: FlatTree<Tensor>,
  alpha: number,
): Record<string, Tensor> {
  if (!(alpha >= 0 && alpha <= 1)) {
    throw new ClipError("bad-argument", `alpha: expected a share from 0 to 1, got ${alpha}.`);
  }
  for (const path of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [one, other] = [a[path], b[path]];
    if (one?.shape.join() !== other?.shape.join()) throw unlike(path, one, other);
  }
  const between = Object.entries(a).map(([path, leaf]): [string, Tensor] => [
    path,
    tidy(() => add(mul(leaf, 1 - alpha), mul(b[path] as Tensor, alpha))),
  ]);
  return Object.fromEntries(between);
}
