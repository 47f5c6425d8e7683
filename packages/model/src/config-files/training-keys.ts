import type { ClipConfig, LossConfig } from "../config.ts";
import type { Json, Section } from "./section.ts";

/** The one key of ours in other libraries' files; they carry it along unread. */
const key = "clip_ts";

/** Reads a loss; its kind decides which keys there are. */
export function parseLoss(section: Section): LossConfig {
  const kind = section.choice("kind", ["contrastive", "sigmoid"]);
  if (kind === "sigmoid") return { kind };
  return {
    kind,
    ...(section.has("labelSmoothing") && { labelSmoothing: section.share("labelSmoothing") }),
    ...(section.has("multiPositive") && { multiPositive: section.flag("multiPositive", false) }),
  };
}

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
