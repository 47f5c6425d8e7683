import type { Activation } from "@clip-ts/core";

/** One value for each tower; a tower that is left out has none given. */
export interface PerTower<Value> {
  readonly vision?: Value | undefined;
  readonly text?: Value | undefined;
}

/** What shapes do not tell, as far as it is known from elsewhere. */
export interface InferOptions {
  /** QuickGELU for OpenAI's own checkpoints; most of open_clip's were trained with GELU. */
  readonly activation?: Activation | PerTower<Activation> | undefined;
  /** Attention heads. */
  readonly heads?: PerTower<number> | undefined;
  /**
   * Whether they are OpenAI's own archive, whose models all have QuickGELU, heads of 64, a causal mask, and
   * the last id of the vocabulary for the end of a caption. Default false.
   */
  readonly isOpenai?: boolean | undefined;
  /**
   * Whether the names are those that open_clip gives: it computes SigLIP's GELU in the form that timm has
   * under the tower's name, while Google's own files for transformers have it by tanh. Default false.
   */
  readonly isOpenClip?: boolean | undefined;
  /** Is told in one line what was taken for granted, where anything was. */
  readonly onAssume?: ((line: string) => void) | undefined;
}

/** The activation of each tower that the options give. */
export function givenActivations({
  activation,
  isOpenai = false,
}: InferOptions): PerTower<Activation> {
  if (isOpenai) return { vision: "quick_gelu", text: "quick_gelu" };
  return typeof activation === "string"
    ? { vision: activation, text: activation }
    : (activation ?? {});
}
