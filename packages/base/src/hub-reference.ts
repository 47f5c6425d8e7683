import { ClipError } from "./errors.ts";

/** A model repository on the hub, at a branch, tag or commit. */
export interface HubReference {
  /** `owner/name`, or `name` alone for the few that have no owner. */
  readonly repository: string;
  readonly revision: string;
}

const pattern = /^hf:((?:[\w.-]+\/)?[\w.-]+)(?:@([\w./-]+))?$/u;

/** Whether a model is given as `hf:owner/name`. */
export function isHubReference(model: string): boolean {
  return model.startsWith("hf:");
}

/** Reads `hf:owner/name` or `hf:owner/name@revision`. @throws ClipError "bad-argument". */
export function parseHubReference(model: string): HubReference {
  const parts = pattern.exec(model);
  const [, repository = "", revision = "main"] = parts ?? [];
  if (parts !== null && !`${repository}/${revision}`.includes("..")) return { repository, revision };
  throw new ClipError(
    "bad-argument",
    `${model}: expected hf:owner/name or hf:owner/name@revision, such as hf:openai/clip-vit-base-patch32.`,
    { data: { model } },
  );
}

/** No path from the root or from here, and no more than three words. */
const name = /^\w[\w.:@-]*(?:\/\w[\w.:@-]*){0,2}$/u;

/** Whether something may be a published model's name, such as `ViT-B-32/openai`: who knows the list tells whether it is. */
export function mayBeModelName(model: string): boolean {
  return name.test(model) && !isHubReference(model) && !model.includes("://");
}
