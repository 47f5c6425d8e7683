import {
  chunked,
  distilled,
  objectiveOf,
  type ClipConfig,
  type ClipObjective,
} from "@clip-ts/model";
import type { RunConfig } from "./schema.ts";

/** What a run makes small: the model's loss, with a teacher and in chunks where the config says so. */
export function runObjective({ loss, distill }: RunConfig, clip: ClipConfig): ClipObjective {
  const own = objectiveOf(clip);
  const taught = distill === undefined ? own : distilled(own, distill);
  return loss?.chunk === undefined ? taught : chunked(taught, loss.chunk);
}
