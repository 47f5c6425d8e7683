import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import { visionTower } from "@clip-ts/vision-encoder";
import type { InferredVision } from "./towers.ts";

/** What the weights of a model without a config leave open. */
export type Missing = "heads" | "activation" | "image size" | "captions" | "pooling" | "norms";

const questions: Readonly<Record<Missing, string>> = {
  heads: "how many attention heads the towers have",
  activation: "whether they were trained with QuickGELU (OpenAI's) or GELU (most of open_clip's)",
  "image size": "for which image size they were trained",
  captions: "which token ends a caption (the vocabulary is not CLIP's), and which tokens see which",
  norms: "what constant the norms of its RoBERTa add (published ones 1e-5, transformers by default 1e-12)",
  pooling: "how the tokens of an image or a caption become one feature",
};

/** Refuses weights that leave something open. `names` are the published models that they may be. */
export function refuseGuess(missing: readonly Missing[], names: readonly string[] = []): never {
  const open = missing.map((what) => questions[what]);
  const last = open.at(-1) ?? "";
  const list = open.length > 1 ? `${open.slice(0, -1).join(", ")} and ${last}` : last;
  const like = names.length > 0 ? ` They have the sizes of ${names.join(", ")}.` : "";
  throw new ClipError(
    "bad-config",
    `These weights do not say ${list}, and a wrong guess gives wrong features: give a config, or say it.${like}`,
    { data: { missing, presets: names, question: list } },
  );
}

/** Shapes of a checkpoint's tensors by their names in clip-ts's parameter tree. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

/** Answers questions about shapes; what is missing is an error that names it. */
export class ShapeReader {
  private readonly shapes: TensorShapes;

  constructor(shapes: TensorShapes) {
    this.shapes = shapes;
  }

  has(name: string): boolean {
    return this.shapes.has(name);
  }

  /** Length of one axis of a tensor. */
  side(name: string, axis: number): number {
    const side = this.shapes.get(name)?.[axis];
    if (side !== undefined) return side;
    throw new ClipError(
      "bad-weights",
      `The model's sizes cannot be read from the weights alone: ${name} is missing or has too few axes.`,
      { data: { name, axis } },
    );
  }

  /** How many axes a tensor has; 0 for one that is not there. */
  rank(name: string): number {
    return this.shapes.get(name)?.length ?? 0;
  }

  /** How many of `prefix0.`, `prefix1.`, … have tensors. */
  count(prefix: string): number {
    const indices = [...this.shapes.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => Number.parseInt(name.slice(prefix.length), 10));
    return Math.max(-1, ...indices) + 1;
  }
}

/** The whole root of a square number of patches. */
export function squareSide(patches: number, name: string): number {
  const side = Math.round(Math.sqrt(patches));
  if (side > 0 && side * side === patches) return side;
  throw new ClipError("bad-weights", `${name} has ${patches} patch positions, which make no square; give a config.`, {
    data: { name, patches },
  });
}

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
   * Whether the names are those that open_clip gives: it computes SigLIP's GELU in the variant that timm has
   * under the tower's name, while Google's own files for transformers have it by tanh. Default false.
   */
  readonly isOpenClip?: boolean | undefined;
  /** Is told in one line what was taken for granted, where anything was. */
  readonly onAssume?: ((line: string) => void) | undefined;
}

/** The activation of each tower that the options give. */
export function givenActivations({ activation, isOpenai = false }: InferOptions): PerTower<Activation> {
  if (isOpenai) return { vision: "quick_gelu", text: "quick_gelu" };
  return typeof activation === "string" ? { vision: activation, text: activation } : (activation ?? {});
}

/** Length of a head in all of OpenAI's models. */
const openaiHead = 64;

/** What a vision tower's heads share: its width, or the channels of a ResNet's last stage. */
export function widthOfHeads(vision: InferredVision): number {
  return visionTower(vision).attentionWidth(vision);
}

/**
 * The heads that the options give a tower of this width; undefined if they do not.
 * @throws ClipError "bad-argument" for a number that does not divide the width.
 */
export function headsOfTower(
  side: "vision" | "text",
  width: number,
  { heads, isOpenai = false }: InferOptions,
): number | undefined {
  const said = heads?.[side] ?? (isOpenai ? width / openaiHead : undefined);
  if (said === undefined || (Number.isInteger(width / said) && Number.isInteger(said))) return said;
  throw new ClipError(
    "bad-argument",
    `${said} heads do not divide the ${side} tower's width of ${width}: give a divisor.`,
    { data: { side, width, heads: said } },
  );
}
