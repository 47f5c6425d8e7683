import {
  chunked,
  distilled,
  objectiveOf,
  type ClipConfig,
  type ClipObjective,
} from "@clip-ts/model";

/** What a run makes small beside its model's own loss. */
export interface ObjectiveOptions {
  /** Rows of the matrix of all pairs that are compared at a time; all by default. */
  readonly chunk?: number | undefined;
  /** A teacher to learn from as well. */
  readonly distill?: { readonly weight?: number | undefined } | undefined;
}

/** What a run makes small: the model's loss, with a teacher and in chunks where it is asked for. */
export function runObjective(
  { chunk, distill }: ObjectiveOptions,
  clip: ClipConfig,
): ClipObjective {
  const own = objectiveOf(clip);
  const taught = distill === undefined ? own : distilled(own, distill);
  return chunk === undefined ? taught : chunked(taught, chunk);
}
