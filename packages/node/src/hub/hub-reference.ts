import { existsSync } from "node:fs";
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

/** What looks like `owner/name` or `owner/name@revision`, such as `openai/clip-vit-base-patch32`. */
const bareName = /^[\w-][\w.-]*\/[\w-][\w.-]*(?:@[\w./-]+)?$/u;

/** ' Did you mean hf:…?' for a repository's name of which not even the owner is a folder here, else nothing. */
export function didYouMeanHub(model: string): string {
  const [owner = ""] = model.split("/");
  return bareName.test(model) && !existsSync(owner) ? ` Did you mean hf:${model}?` : "";
}
