import { ClipError, type RandomStream } from "@clip-ts/base";
import { assertShape, axisLength } from "@clip-ts/core";
import type { DropoutFactors, TransformerConfig } from "@clip-ts/transformer";
import { cast, mul, slice, squeeze, type Tensor } from "@tensorflow/tfjs-core";
import type { TextOptions } from "./config.ts";

/** Shares that a training step drops of a stack of blocks. */
export interface Dropout {
  /** Share of the activations that a training step drops, 0 by default; see `drawTextDropout`. */
  readonly hiddenDropout?: number;
  /** Share of the attention weights that a training step drops, 0 by default. */
  readonly attentionDropout?: number;
}

type DroppingConfig = Dropout & Pick<TransformerConfig, "layers" | "heads" | "width">;

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
  { layers, heads, width }: DroppingConfig,
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

/** `drawTextDropout` for a stack of blocks. */
export function drawDropout(
  config: DroppingConfig,
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

/** What dropout multiplies in a stack of blocks. */
export interface StackDropout {
  /** [batch, tokens, dim], on the embedded words. */
  readonly embedded?: Tensor;
  readonly blocks: readonly DropoutFactors[];
}

/**
 * The factors of one step; none where nothing says what is kept. ids [batch, tokens].
 * @throws ClipError "bad-shape" for kept values of another shape.
 */
export function stackDropout(
  config: DroppingConfig,
  ids: Tensor,
  { keptHidden, keptAttention }: TextOptions,
): StackDropout {
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
