import { ClipError } from "./errors.ts";

/** A model repository on the hub, at a branch, tag or commit. */
export interface HubReference {
  /** `owner/name`, or `name` alone for the few that have no owner. */
  readonly repository: string;
  readonly revision: string;
}

/** What comes before a repository's name: our word for the hub, or open_clip's. */
const prefix = /^(?:hf|hf-hub):/u;

const pattern = /^((?:[\w.-]+\/)?[\w.-]+)(?:@([\w./-]+))?$/u;

/** Whether a model is given as `hf:owner/name`, or as open_clip calls that, `hf-hub:owner/name`. */
export function isHubReference(model: string): boolean {
  return prefix.test(model);
}

/** A model without the prefix that says it is one of the hub. */
export function hubName(model: string): string {
  return model.replace(prefix, "");
}

/** Reads `hf:owner/name` or `hf:owner/name@revision`, `hf-hub:` as well. @throws ClipError "bad-argument". */
export function parseHubReference(model: string): HubReference {
  const parts = isHubReference(model) ? pattern.exec(hubName(model)) : null;
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
