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
  /** Length of every head, where that is known instead: 64 in OpenAI's own checkpoints. */
  readonly headWidth?: number | undefined;
  /**
   * Whether the names are those that open_clip gives: it computes SigLIP's GELU in the form that timm has
   * under the tower's name, while transformers and big_vision compute it by tanh. Default false.
   */
  readonly isOpenClip?: boolean | undefined;
  /** Is told in one line what was taken for granted, where anything was. */
  readonly onAssume?: ((line: string) => void) | undefined;
}

/** The activation of each tower that the options give. */
export function givenActivations({ activation }: InferOptions): PerTower<Activation> {
  return typeof activation === "string"
    ? { vision: activation, text: activation }
    : (activation ?? {});
}
