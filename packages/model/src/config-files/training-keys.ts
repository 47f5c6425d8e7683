import type { ClipConfig } from "../config.ts";
import { parseLoss } from "../loss-config.ts";
import type { Json, Section } from "./section.ts";

/** The one key of ours in other libraries' files; they carry it along unread. */
const key = "clip_ts";

/** What a file says about training beyond its family's own keys. */
export function parseTraining(root: Section): Pick<ClipConfig, "loss" | "initialLogitBias"> {
  if (!root.has(key)) return {};
  const ours = root.section(key);
  return {
    ...(ours.has("loss") && { loss: parseLoss(ours.section("loss")) }),
    ...(ours.has("initialLogitBias") && { initialLogitBias: ours.number("initialLogitBias") }),
  };
}

/** The same, written; nothing if the config says nothing of it. */
export function formatTraining({ loss, initialLogitBias }: ClipConfig): Json {
  if (loss === undefined && initialLogitBias === undefined) return {};
  return {
    [key]: { ...(loss && { loss }), ...(initialLogitBias !== undefined && { initialLogitBias }) },
  };
}
