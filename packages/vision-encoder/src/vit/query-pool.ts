import { ClipError } from "@clip-ts/base";
import {
  axisLength,
  layerNorm,
  layerNormSpec,
  linearSpec,
  normal,
  param,
  uniform,
  withTraits,
  zeros,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import { multiHeadAttention } from "@clip-ts/transformer";
import { expandDims, mean, slice, split, squeeze, tile, type Tensor } from "@tensorflow/tfjs-core";
import type { QueryPoolConfig, VitConfig } from "../config.ts";

/** Learned queries that look at the tokens, under open_clip's names and PyTorch's of the attention. */
export interface QueryPoolParams<Leaf = Tensor> {
  /** [queries, pooled width] */
  readonly query: Leaf;
  readonly attn: {
    /** [3 · pooled width, dim], where both are equal; else three matrices, as PyTorch keeps them. */
    readonly in_proj_weight?: Leaf;
    /** [pooled width, pooled width] */
    readonly q_proj_weight?: Leaf;
    /** [pooled width, dim] */
    readonly k_proj_weight?: Leaf;
    readonly v_proj_weight?: Leaf;
    /** [3 · pooled width] */
    readonly in_proj_bias: Leaf;
    readonly out_proj: LinearParams<Leaf>;
  };
  readonly ln_q: LayerNormParams<Leaf>;
  readonly ln_k: LayerNormParams<Leaf>;
}

/** Uniform with variance 2 / (in + out) (Glorot & Bengio 2010), as PyTorch starts an attention. */
const glorot = (outputs: number, inputs: number): ParamSpec =>
  param([outputs, inputs], uniform(Math.sqrt(6 / (inputs + outputs))), "matrix");

function inputsSpec(
  pooled: number,
  dim: number,
): Omit<QueryPoolParams<ParamSpec>["attn"], "in_proj_bias" | "out_proj"> {
  if (pooled === dim) return { in_proj_weight: glorot(3 * pooled, dim) };
  return {
    q_proj_weight: glorot(pooled, pooled),
    k_proj_weight: glorot(pooled, dim),
    v_proj_weight: glorot(pooled, dim),
  };
}

/** Spec of one pool, started as in PyTorch: Glorot's uniform inside, what leaves by the inputs' number. */
function queryPoolSpec(
  { width: dim }: VitConfig,
  { width, queries }: Pick<QueryPoolConfig, "width" | "queries">,
): QueryPoolParams<ParamSpec> {
  const attn = {
    ...inputsSpec(width, dim),
    in_proj_bias: param([3 * width], zeros, "bias"),
    out_proj: linearSpec(width, width, { weight: uniform(width ** -0.5) }),
  };
  return {
    query: param([queries, width], normal(1), "embedding"),
    attn: withTraits(attn, { layer: "attention" }),
    ln_q: layerNormSpec(width), // open_clip's, whatever the tower's other norms are
    ln_k: layerNormSpec(dim),
  };
}

/** The one pool, and a second of one query where two stand beside or behind each other. */
export interface QueryPools<Leaf = Tensor> {
  readonly attn_pool?: QueryPoolParams<Leaf>;
  readonly attn_pool_contrastive?: QueryPoolParams<Leaf>;
}

/** Whether the tokens are normed before the queries see them, which open_clip does where there are two pools. */
const hasTwo = ({ kind }: QueryPoolConfig): boolean => kind === "parallel" || kind === "cascade";

/** The settings of a tower whose queries pool. @throws ClipError "bad-config" without them. */
export function queryPoolOf({ queryPool, width }: VitConfig): QueryPoolConfig {
  const refuse = (message: string): never => {
    throw new ClipError("bad-config", message, { data: { queryPool } });
  };
  if (queryPool === undefined) return refuse('pooling "queries" needs queryPool: its kind, width, queries and heads.');
  const { width: pooled, heads, queries, kind } = queryPool;
  if (pooled % heads !== 0) {
    return refuse(`Queries of ${pooled} numbers cannot be split over ${heads} heads: choose heads that divide them.`);
  }
  if (hasTwo(queryPool) && pooled !== width) {
    return refuse(`Pools that are "${kind}" share a norm: their width ${pooled} should be the tower's ${width}.`);
  }
  if (kind === "mean" && queries < 2) return refuse("The mean is of all queries but the first: have 2 or more.");
  return queryPool;
}

/** Specs of the pools. @throws ClipError "bad-config" if their sizes do not fit. */
export function queryPoolsSpec(config: VitConfig): QueryPools<ParamSpec> {
  const pool = queryPoolOf(config);
  return {
    attn_pool: queryPoolSpec(config, pool),
    ...(hasTwo(pool) && { attn_pool_contrastive: queryPoolSpec(config, { ...pool, queries: 1 }) }),
  };
}

/** The three linear layers in front, taken apart where they are one matrix. */
function inputsOf({ attn }: QueryPoolParams): [LinearParams, LinearParams, LinearParams] {
  const { in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight } = attn;
  const weights =
    in_proj_weight === undefined ? [q_proj_weight, k_proj_weight, v_proj_weight] : split(in_proj_weight, 3);
  const biases = split(attn.in_proj_bias, 3);
  return weights.map((weight, index) => ({ weight, bias: biases[index] })) as [
    LinearParams,
    LinearParams,
    LinearParams,
  ];
}

/** Of the pool's own norms. */
const poolEps = 1e-5;

/** What some of the queries see. tokens [batch, tokens, dim], from and count of queries → [batch, count, pooled]. */
function ask(
  params: QueryPoolParams,
  tokens: Tensor,
  { heads, from = 0, count = -1 }: { readonly heads: number; readonly from?: number; readonly count?: number },
): Tensor {
  const [query, key, value] = inputsOf(params);
  const asked = layerNorm(params.ln_q, slice(params.query, [from, 0], [count, -1]), poolEps);
  const queries = tile(expandDims(asked, 0), [axisLength(tokens, 0), 1, 1]);
  const context = layerNorm(params.ln_k, tokens, poolEps);
  return multiHeadAttention({ query, key, value, output: params.attn.out_proj }, queries, { heads, context });
}

/**
 * open_clip's attentional pool (Yu et al. 2022, arXiv:2205.01917): the first query's view, the mean of the others',
 * or a second pool of one query that looks at the tokens ("parallel") or at the first one's views ("cascade").
 * tokens [batch, tokens, dim] → [batch, pooled width].
 */
export function poolByQueries(
  params: QueryPools & { readonly post_layernorm: LayerNormParams },
  tokens: Tensor,
  config: VitConfig,
): Tensor {
  const { kind, heads } = queryPoolOf(config);
  const [first, second] = [params.attn_pool as QueryPoolParams, params.attn_pool_contrastive as QueryPoolParams];
  const normed = (x: Tensor): Tensor => layerNorm(params.post_layernorm, x, config.layerNormEps);
  switch (kind) {
    case "first":
      return normed(squeeze(ask(first, tokens, { heads, count: 1 }), [1]));
    case "mean":
      return mean(normed(ask(first, tokens, { heads, from: 1 })), 1);
    case "parallel":
      return squeeze(ask(second, normed(tokens), { heads }), [1]);
    case "cascade":
      return squeeze(ask(second, ask(first, normed(tokens), { heads }), { heads }), [1]);
  }
}
