import { ClipError } from "@clip-ts/base";

/** A model repository on the hub, at a branch, tag or commit. */
export interface HubReference {
  /** `owner/name`, or `name` alone for the few that have no owner. */
  readonly repository: string;
  readonly revision: string;
}

const prefix = "hf:";
const pattern = /^hf:((?:[\w.-]+\/)?[\w.-]+)(?:@([\w./-]+))?$/u;

/** Whether a model is given as `hf:owner/name`. */
export function isHubReference(model: string): boolean {
  return model.startsWith(prefix);
}

/** Reads `hf:owner/name` or `hf:owner/name@revision`. @throws ClipError "bad-argument". */
export function parseHubReference(model: string): HubReference {
  const parts = pattern.exec(model);
  const [, repository = "", revision = "main"] = parts ?? [];
  if (parts !== null && !`${repository}/${revision}`.includes(".."))
    return { repository, revision };
  throw new ClipError(
    "bad-argument",
    `${model}: expected hf:owner/name or hf:owner/name@revision, such as hf:openai/clip-vit-base-patch32.`,
    { data: { model } },
  );
}
