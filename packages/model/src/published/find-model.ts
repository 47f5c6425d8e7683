import { ClipError } from "@clip-ts/base";
import { architectures } from "./generated/architectures.ts";
import { checkpoints } from "./generated/checkpoints.ts";
import { openClipWeights, preprocessings } from "./generated/weights.ts";
import type { OpenClipWeights } from "./types.ts";

/** A repository of the hub that says itself what it holds. */
export interface FoundRepository {
  readonly kind: "hub";
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, tag or commit, where the name says one. */
  readonly revision?: string;
}

/** Weights that open_clip publishes: what they are, its list says, not the place where they lie. */
export interface FoundWeights extends Pick<OpenClipWeights, "repository" | "file" | "url"> {
  readonly kind: "open_clip";
  /** `architecture/tag`. */
  readonly name: string;
  /** Content of the `open_clip_config.json` that goes with them. */
  readonly config: object;
  /** The repository whose tokenizer open_clip takes; CLIP's own if absent. */
  readonly tokenizer?: string;
  /** The beginning of the SHA-256 of what lies at `url`, where the address says it. */
  readonly sha256?: string;
}

/** What a name stands for. */
export type FoundModel = FoundRepository | FoundWeights;

/** OpenAI's names for its own weights where they are not open_clip's name with a tag. */
const openaiNames: ReadonlyMap<string, string> = new Map([
  ["ViT-B/32", "ViT-B-32"],
  ["ViT-B/16", "ViT-B-16"],
  ["ViT-L/14", "ViT-L-14"],
  ["ViT-L/14@336px", "ViT-L-14-336"],
]);

/** As open_clip itself reads tags. */
const cleanTag = (tag: string): string => tag.toLowerCase().replaceAll("-", "_");

const weightsOf = (architecture: string): readonly OpenClipWeights[] =>
  openClipWeights.filter((weights) => weights.architecture === architecture);

/** open_clip reads the beginning of the SHA-256 of what OpenAI and it itself serve from the address. */
function sha256In(url: string): string | undefined {
  if (url.includes("openaipublic")) return url.split("/").at(-2);
  return url.includes("mlfoundations") ? /-([0-9a-f]+)\.\w+$/u.exec(url)?.[1] : undefined;
}

function found(weights: OpenClipWeights): FoundWeights {
  const { architecture, tag, quickGelu = false, repository, file, url } = weights;
  const { config, tokenizer } = architectures[architecture]!;
  const sha256 = url === undefined ? undefined : sha256In(url);
  return {
    kind: "open_clip",
    name: `${architecture}/${tag}`,
    config: {
      model_cfg: quickGelu ? { ...config, quick_gelu: true } : config,
      preprocess_cfg: preprocessings[weights.preprocess],
    },
    ...(repository !== undefined && { repository }),
    ...(file !== undefined && { file }),
    ...(url !== undefined && { url }),
    ...(tokenizer !== undefined && { tokenizer }),
    ...(sha256 !== undefined && { sha256 }),
  };
}

function whichOf(architecture: string, all: readonly OpenClipWeights[], problem: string): ClipError {
  const names = all.map(({ tag }) => `${architecture}/${tag}`);
  return new ClipError("not-found", `${problem} Name one of ${names.join(", ")}.`, { data: { architecture, names } });
}

/** @throws ClipError "not-found" where several weights of an architecture are published, or none under the tag. */
function weightsNamed(architecture: string, tag: string | undefined): FoundWeights {
  const all = weightsOf(architecture);
  const [first, ...others] = tag === undefined ? all : all.filter((each) => each.tag === cleanTag(tag));
  if (first === undefined) throw whichOf(architecture, all, `${architecture} has no weights "${tag}".`);
  if (others.length === 0) return found(first);
  throw whichOf(architecture, all, `${architecture} is an architecture with several published weights.`);
}

/** Splits `architecture/tag` (or `architecture:tag`, as open_clip lists them). */
function split(name: string): readonly [architecture: string, tag: string | undefined] {
  const at = Math.max(name.lastIndexOf("/"), name.lastIndexOf(":"));
  return at < 0 ? [name, undefined] : [name.slice(0, at).replaceAll("/", "-"), name.slice(at + 1)];
}

const repositories: ReadonlySet<string> = new Set([
  ...checkpoints.map(({ repository }) => repository),
  ...openClipWeights.flatMap(({ repository }) => repository ?? []),
]);

/**
 * What a name stands for: open_clip's `architecture/tag`, an architecture alone of which one set of weights is
 * published, OpenAI's `ViT-B/32`, or a repository that is in the list. Nothing is asked of the network.
 * @returns undefined for a name that is in no list.
 * @throws ClipError "not-found" for an architecture with several weights and no tag, or with an unknown one.
 */
export function findModel(name: string): FoundModel | undefined {
  const openai = openaiNames.get(name);
  if (openai !== undefined) return weightsNamed(openai, "openai");
  const [repository = "", revision] = name.split("@");
  if (repositories.has(repository)) return { kind: "hub", repository, ...(revision !== undefined && { revision }) };
  const [architecture, tag] = split(name);
  return Object.hasOwn(architectures, architecture) ? weightsNamed(architecture, tag) : undefined;
}
