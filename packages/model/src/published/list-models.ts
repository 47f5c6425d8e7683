import { architectures } from "./generated/architectures.ts";
import { checkpoints } from "./generated/checkpoints.ts";
import { openClipWeights } from "./generated/weights.ts";
import { openClipWorks, typeWorks } from "./generated/works.ts";
import type { Works } from "./types.ts";

/** A published model, and whether it works here. */
export interface ListedModel {
  /** What to type. */
  readonly name: string;
  /** Whose list it is in. */
  readonly of: "open_clip" | "transformers";
  /** open_clip's architecture, or transformers' `model_type`. */
  readonly type: string;
  /** Where the weights lie on the hub. */
  readonly repository?: string;
  /** Where they lie elsewhere. */
  readonly url?: string;
  /** Numbers that are learned; absent, as what follows, where only the checkpoint's own config says it. */
  readonly parameters?: number;
  /** Pixels a side, or height and width. */
  readonly imageSize?: number | readonly number[];
  /** Tokens of a caption, start and end included. */
  readonly contextLength?: number;
  /** The repository or class of its tokenizer. */
  readonly tokenizer?: string;
  /** True where clip-ts gave the original's ids, pixels and numbers when they were last compared; else the reason. */
  readonly works: Works;
}

const notCompared = "its numbers were not compared with the original's";

function ofOpenClip(): ListedModel[] {
  return openClipWeights.map(({ architecture, tag, repository, url }) => {
    const { parameters, imageSize, contextLength, tokenizer = "CLIP" } = architectures[architecture]!;
    return {
      name: `${architecture}/${tag}`,
      of: "open_clip",
      type: architecture,
      ...(repository !== undefined && { repository }),
      ...(url !== undefined && { url }),
      ...(parameters !== undefined && { parameters }),
      imageSize,
      contextLength,
      tokenizer,
      works: openClipWorks[architecture] ?? notCompared,
    };
  });
}

function ofTransformers(): ListedModel[] {
  return checkpoints.map((checkpoint) => ({
    ...checkpoint,
    name: checkpoint.repository,
    of: "transformers",
    works: typeWorks[checkpoint.type] ?? notCompared,
  }));
}

/** Every published model: the weights of open_clip's list, and the checkpoints that transformers' classes name. */
export function listModels(): readonly ListedModel[] {
  return [...ofOpenClip(), ...ofTransformers()];
}

const searched = ({ name, of, type, repository = "", tokenizer = "" }: ListedModel): string =>
  `${name} ${of} ${type} ${repository} ${tokenizer}`.toLowerCase();

/** Those in whose names, type, repository or tokenizer every word is found, however it is written. */
export function modelsWith(words: readonly string[]): readonly ListedModel[] {
  const wanted = words.map((word) => word.toLowerCase());
  return listModels().filter((model) => {
    const text = searched(model);
    return wanted.every((word) => text.includes(word));
  });
}
