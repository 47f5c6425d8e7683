import { ClipError, type RandomStream } from "@clip-ts/base";
import {
  assertShape,
  axisLength,
  embed,
  embeddingSpec,
  layerNorm,
  layerNormSpec,
  linear,
  linearSpec,
  normal,
  withTraits,
  type EmbeddingParams,
  type LayerNormParams,
  type LinearParams,
  type ParamSpec,
} from "@clip-ts/core";
import {
  paddingMask,
  postNormBlock,
  runBlocks,
  withDropout,
  type DropoutFactors,
  type PostNormParts,
} from "@clip-ts/transformer";
import { add, cast, mul, slice, squeeze, tanh, type Tensor } from "@tensorflow/tfjs-core";
import { maskPadding, poolFirstToken, poolMax, poolMean, positionsOf } from "./captions.ts";
import type { EncodedText, RobertaTextConfig, TextOptions } from "./config.ts";

/** A linear layer back to the residual stream and the norm after the sum. */
interface ResidualOutput<Leaf> {
  readonly dense: LinearParams<Leaf>;
  readonly LayerNorm: LayerNormParams<Leaf>;
}

/** One post-norm block under BERT's names. */
export interface RobertaLayerParams<Leaf = Tensor> {
  readonly attention: {
    readonly self: {
      readonly query: LinearParams<Leaf>;
      readonly key: LinearParams<Leaf>;
      readonly value: LinearParams<Leaf>;
    };
    readonly output: ResidualOutput<Leaf>;
  };
  readonly intermediate: { readonly dense: LinearParams<Leaf> };
  readonly output: ResidualOutput<Leaf>;
}

/** RoBERTa under its published names. */
export interface RobertaTextParams<Leaf = Tensor> {
  readonly embeddings: {
    /** weight [vocab, dim] */
    readonly word_embeddings: EmbeddingParams<Leaf>;
    /** weight [padTokenId + 1 + contextLength, dim]: no caption's token has the first positions */
    readonly position_embeddings: EmbeddingParams<Leaf>;
    /** weight [tokenTypes, dim] */
    readonly token_type_embeddings: EmbeddingParams<Leaf>;
    readonly LayerNorm: LayerNormParams<Leaf>;
  };
  readonly encoder: { readonly layer: readonly RobertaLayerParams<Leaf>[] };
  /** Only where "pooler" pools. */
  readonly pooler?: { readonly dense: LinearParams<Leaf> };
}

/** BERT's starting deviation of every weight. */
const std = 0.02;

const dense = (inputs: number, outputs: number): LinearParams<ParamSpec> =>
  linearSpec(inputs, outputs, { weight: normal(std) });

function layerSpec({ width, mlpWidth }: RobertaTextConfig): RobertaLayerParams<ParamSpec> {
  const attention = {
    self: { query: dense(width, width), key: dense(width, width), value: dense(width, width) },
    output: { dense: dense(width, width), LayerNorm: layerNormSpec(width) },
  };
  const output = { dense: dense(mlpWidth, width), LayerNorm: layerNormSpec(width) };
  return {
    attention: withTraits(attention, { layer: "attention" }),
    intermediate: { dense: withTraits(dense(width, mlpWidth), { layer: "mlp" }) },
    output: withTraits(output, { layer: "mlp" }),
  };
}

/** Spec of the tower; every weight starts with deviation 0.02 (Devlin et al. 2018). */
export function robertaTextSpec(config: RobertaTextConfig): RobertaTextParams<ParamSpec> {
  const { vocabSize, contextLength, padTokenId, tokenTypes, width, layers, pooling } = config;
  const embeddings = {
    word_embeddings: embeddingSpec(vocabSize, width, std),
    position_embeddings: embeddingSpec(padTokenId + 1 + contextLength, width, std),
    token_type_embeddings: embeddingSpec(tokenTypes, width, std),
    LayerNorm: layerNormSpec(width),
  };
  const layer = (_: unknown, index: number): RobertaLayerParams<ParamSpec> =>
    withTraits(layerSpec(config), { depth: index + 1 });
  const pooler = { dense: withTraits(dense(width, width), { depth: layers + 1 }) };
  return {
    embeddings: withTraits(embeddings, { depth: 0 }),
    encoder: { layer: Array.from({ length: layers }, layer) },
    ...(pooling === "pooler" ? { pooler } : {}),
  };
}

/** Which values a training step keeps, on the host: 1 kept, 0 dropped. */
export interface KeptValues {
  readonly data: Int32Array;
  readonly shape: readonly number[];
}

/** What `drawTextDropout` gives, under the names of `TextOptions`. */
export type TextDropout = Partial<Record<"keptHidden" | "keptAttention", KeptValues>>;

/** A share that can be dropped. @throws ClipError "bad-config" for one that is none. */
function checkedShare(name: string, share: number): number {
  if (share >= 0 && share < 1) return share;
  throw new ClipError("bad-config", `${name} is a share from 0 up to 1; got ${share}.`, {
    data: { [name]: share },
  });
}

function shapesOf(
  { layers, heads, width }: RobertaTextConfig,
  batch: number,
  tokens: number,
): { readonly hidden: number[]; readonly attention: number[] } {
  return {
    hidden: [batch, 1 + 2 * layers, tokens, width],
    attention: [batch, layers, heads, tokens, tokens],
  };
}

function drawKept(shape: readonly number[], share: number, random: RandomStream): KeptValues {
  const data = new Int32Array(shape.reduce((product, side) => product * side, 1));
  for (let index = 0; index < data.length; index++) data[index] = random.uniform() < share ? 0 : 1;
  return { data, shape };
}

/** `drawTextDropout` for RoBERTa. */
export function drawRobertaDropout(
  config: RobertaTextConfig,
  { batch, tokens }: { readonly batch: number; readonly tokens: number },
  random: RandomStream,
): TextDropout {
  const { hidden, attention } = shapesOf(config, batch, tokens);
  const hiddenShare = checkedShare("hiddenDropout", config.hiddenDropout ?? 0);
  const attentionShare = checkedShare("attentionDropout", config.attentionDropout ?? 0);
  return {
    ...(hiddenShare > 0 && { keptHidden: drawKept(hidden, hiddenShare, random) }),
    ...(attentionShare > 0 && { keptAttention: drawKept(attention, attentionShare, random) }),
  };
}

/** Factors from the values that are kept at one place of the second axis; they keep the sum's mean. */
function factorAt(kept: Tensor, place: number, share: number): Tensor {
  const rest = kept.shape.slice(2);
  const start = [0, place, ...rest.map(() => 0)];
  const one = squeeze(slice(kept, start, [-1, 1, ...rest.map(() => -1)]), [1]);
  return mul(cast(one, "float32"), 1 / (1 - share));
}

/** What dropout multiplies in RoBERTa. */
export interface RobertaDropout {
  /** [batch, tokens, dim], on the embedded words. */
  readonly embedded?: Tensor;
  readonly blocks: readonly DropoutFactors[];
}

/**
 * The factors of one step; none where nothing says what is kept. ids [batch, tokens].
 * @throws ClipError "bad-shape" for kept values of another shape.
 */
function robertaDropout(
  config: RobertaTextConfig,
  ids: Tensor,
  { keptHidden, keptAttention }: TextOptions,
): RobertaDropout {
  const { hiddenDropout = 0, attentionDropout = 0, layers } = config;
  const shapes = shapesOf(config, axisLength(ids, 0), axisLength(ids, 1));
  if (keptHidden !== undefined) assertShape(keptHidden, shapes.hidden, "kept activations");
  if (keptAttention !== undefined) {
    assertShape(keptAttention, shapes.attention, "kept attention weights");
  }
  const hidden = (place: number): Tensor | undefined => keptHidden && factorAt(keptHidden, place, hiddenDropout);
  const blocks = Array.from({ length: layers }, (_, layer): DropoutFactors => {
    const weights = keptAttention && factorAt(keptAttention, layer, attentionDropout);
    const [attended, thought] = [hidden(1 + 2 * layer), hidden(2 + 2 * layer)];
    return {
      ...(weights && { weights }),
      ...(attended && { attended }),
      ...(thought && { thought }),
    };
  });
  const embedded = hidden(0);
  return { ...(embedded && { embedded }), blocks };
}

/** Words, positions and type 0, normed. ids [batch, tokens] → [batch, tokens, dim]. */
function embedWords(
  { embeddings }: RobertaTextParams,
  ids: Tensor,
  { padTokenId, width, layerNormEps }: RobertaTextConfig,
): Tensor {
  const words = embed(embeddings.word_embeddings, ids);
  const positions = embed(embeddings.position_embeddings, positionsOf(ids, padTokenId));
  const firstType = slice(embeddings.token_type_embeddings.weight, [0, 0], [1, width]);
  return layerNorm(embeddings.LayerNorm, add(add(words, firstType), positions), layerNormEps);
}

/** A block's parts under the names of `postNormBlock`. */
function partsOf({ attention, intermediate, output }: RobertaLayerParams): PostNormParts {
  return {
    attention: { ...attention.self, output: attention.output.dense },
    attentionNorm: attention.output.LayerNorm,
    mlp: { fc1: intermediate.dense, fc2: output.dense },
    mlpNorm: output.LayerNorm,
  };
}

function pool(params: RobertaTextParams, hidden: Tensor, mask: Tensor, { pooling }: RobertaTextConfig): Tensor {
  switch (pooling) {
    case "first":
      return poolFirstToken(hidden);
    case "mean":
      return poolMean(hidden, mask);
    case "max":
      return poolMax(hidden, mask);
    case "pooler":
      return tanh(linear(params.pooler!.dense, poolFirstToken(hidden)));
  }
}

/**
 * RoBERTa (Liu et al. 2019, arXiv:1907.11692). ids [batch, tokens] int32; the attention mask is 1 where a
 * token may be seen, by default wherever it is no padding. Nothing is dropped unless the options say what.
 */
export function encodeRoberta(
  params: RobertaTextParams,
  ids: Tensor,
  config: RobertaTextConfig,
  options: TextOptions = {},
): EncodedText {
  const { attentionMask = maskPadding(ids, config.padTokenId), checkpoint } = options;
  const dropout = robertaDropout(config, ids, options);
  const lastHidden = runBlocks(
    params.encoder.layer,
    withDropout(embedWords(params, ids, config), dropout.embedded),
    (layer, hidden, inputs) => postNormBlock(partsOf(layer), hidden, config, inputs),
    { mask: paddingMask(attentionMask), checkpoint, dropout: dropout.blocks },
  );
  return { pooled: pool(params, lastHidden, attentionMask, config), lastHidden };
}
