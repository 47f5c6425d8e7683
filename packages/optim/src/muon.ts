import { ClipError } from "@clip-ts/base";
import { add, div, matMul, mul, reshape, sqrt, square, sub, sum, transpose, type Tensor } from "@tensorflow/tfjs-core";
import { adamw, decayed, type AdamwConfig, type LeafUpdate, type UpdateRule } from "./update-rules.ts";
import type { LeafTraits, PathRules } from "./leaf-rules.ts";
import { scalarNamed, times } from "./schedule.ts";

/** Settings of Muon for matrices and kernels, and of AdamW for all other parameters. */
export interface MuonConfig extends Omit<AdamwConfig, "kind"> {
  readonly kind: "muon";
  /** How slowly the running gradient of a matrix changes. Default 0.95. */
  readonly momentum?: number;
  /** Rounds in which a matrix is made orthogonal. Default 5. */
  readonly rounds?: number;
  /** Which parameters Muon moves; paths without a rule follow `orthogonalByDefault`. */
  readonly matrices?: PathRules<boolean>;
}

/** Factors of the polynomial a·x + b·x³ + c·x⁵ that draws singular values towards 1. */
const [a, b, c] = [3.4445, -4.775, 2.0315];

/** Keeps a matrix of zeros from being divided by its length. */
const eps = 1e-7;

/** Steps have about the root mean square of AdamW's, so that one learning rate serves both. */
const likeAdamw = 0.2;

/**
 * The matrix [m, n] with its singular values moved to about 1, from 0.7 to 1.2: Newton-Schulz rounds
 * on the smaller of its two sides (Jordan et al. 2024, "Muon: An optimizer for hidden layers").
 */
export function orthogonalized(matrix: Tensor, rounds: number): Tensor {
  const [height = 0, width = 0] = matrix.shape;
  const isTall = height > width;
  let x: Tensor = div(isTall ? transpose(matrix) : matrix, add(sqrt(sum(square(matrix))), eps));
  for (let round = 0; round < rounds; round++) {
    const gram = matMul(x, x, false, true);
    const mixed = add(mul(gram, b), mul(matMul(gram, gram), c));
    x = add(mul(x, a), matMul(mixed, x));
  }
  return isTall ? transpose(x) : x;
}

/**
 * True for parameters that Muon moves unless a rule says otherwise: matrices and kernels within the
 * towers; no embeddings and no heads (a ResNet's attention pool is one), which Jordan et al. leave to
 * AdamW.
 * @throws ClipError "bad-argument" for a leaf of two axes or more that does not say what it is.
 */
export function orthogonalByDefault({ role, shape }: LeafTraits, path: string): boolean {
  if (shape.length < 2) return false;
  if (role !== undefined) return role === "matrix";
  throw new ClipError(
    "bad-argument",
    `Muon cannot tell whether "${path}" of [${shape.join(", ")}] is a matrix or a table of embeddings: ` +
      "create the optimiser from specs, or name it in matrices.",
    { data: { path } },
  );
}

/**
 * Muon (Jordan et al. 2024) with Nesterov's momentum: a matrix moves along its running gradient made
 * orthogonal, so that all directions are learnt at one pace and not only the few that dominate the
 * gradient. Kernels [out, in, height, width] count as matrices [out, in · height · width]. Steps are
 * scaled to AdamW's size (Liu et al. 2025, arXiv:2502.16982, section 2.2); other parameters are AdamW's.
 */
export function muon(config: MuonConfig): UpdateRule {
  const { momentum = 0.95, rounds = 5, ...rest } = config;
  const others = adamw({ ...rest, kind: "adamw" });
  const applyToMatrix = (leaf: LeafUpdate): Tensor[] => {
    const { param, grad, slots, scalars, weightDecay, multiplier } = leaf;
    const rate = times(scalarNamed(scalars, "learningRate"), multiplier);
    const running = add(mul(slots[0] as Tensor, momentum), grad);
    const ahead = add(grad, mul(running, momentum));
    const [rows = 1] = param.shape;
    const matrix = orthogonalized(reshape(ahead, [rows, -1]), rounds);
    const scale = likeAdamw * Math.sqrt(Math.max(...matrix.shape));
    const direction = reshape(matrix, param.shape);
    const moved = sub(decayed(param, rate, weightDecay), mul(direction, times(rate, scale)));
    return [moved, running, (slots[1] as Tensor).clone()];
  };
  return {
    slots: others.slots,
    scalars: others.scalars,
    apply: (leaf) => (leaf.isMatrix === true ? applyToMatrix(leaf) : others.apply(leaf)),
  };
}
