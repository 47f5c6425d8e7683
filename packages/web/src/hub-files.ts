import {
  chooseModelFiles,
  chooseOpenClipWeights,
  chooseTokenizerFiles,
  ClipError,
  modelFiles,
  openClipWeightsName,
  parseHubReference,
  parseJsonFile,
  sentencePieceFiles,
  tokenizerFiles,
  weightsFiles,
  type HubReference,
} from "@clip-ts/base";
import type { ModelFiles, OpenSource } from "@clip-ts/inference";
import type { FoundModel, FoundWeights } from "@clip-ts/model/published";
import { bytesSource } from "@clip-ts/weights";
import { freshText, keptBytes, type KeepOptions } from "./kept-files.ts";

/** How models of the Hugging Face hub are reached. */
export interface HubOptions extends KeepOptions {
  /** The hub's address, or that of a mirror; "https://huggingface.co" if absent. */
  readonly hub?: string;
}

/** A repository at a commit: the names of its files, and their content. */
interface Repository {
  readonly files: readonly string[];
  readonly address: (file: string) => string;
  readonly bytes: (file: string) => Promise<Uint8Array>;
  readonly text: (file: string) => Promise<string>;
}

async function openRepository(reference: HubReference, options: HubOptions): Promise<Repository> {
  const { repository, revision } = reference;
  const hub = (options.hub ?? "https://huggingface.co").replace(/\/+$/u, "");
  const url = `${hub}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  const text = await freshText(url, options);
  if (text === undefined) {
    const message = `hf:${repository}: the hub has no such repository or revision ${revision}, or not for everyone.`;
    throw new ClipError("not-found", message, { data: { ...reference } });
  }
  const { sha, siblings } = (parseJsonFile(text, url) ?? {}) as {
    readonly sha?: unknown;
    readonly siblings?: readonly ({ readonly rfilename?: unknown } | null)[];
  };
  if (typeof sha !== "string" || !Array.isArray(siblings)) {
    throw new ClipError("bad-data", `${url}: expected a commit and a list of files.`, { data: { url } });
  }
  const names = siblings.map((file: { readonly rfilename?: unknown } | null) => file?.rfilename);
  const address = (file: string): string =>
    `${hub}/${repository}/resolve/${sha}/${file.split("/").map(encodeURIComponent).join("/")}`;
  const bytes = (file: string): Promise<Uint8Array> => keptBytes(address(file), options);
  return {
    files: names.filter((name): name is string => typeof name === "string"),
    address,
    bytes,
    text: async (file) => new TextDecoder().decode(await bytes(file)),
  };
}

const inMemory = (bytes: Uint8Array): OpenSource => ({ ...bytesSource(bytes), close: () => Promise.resolve() });

/** timm's `config.json` is about its own image tower, which lies beside open_clip's model. */
async function isForeign({ files, text }: Repository): Promise<boolean> {
  if (![modelFiles.config, modelFiles.openClipConfig].every((name) => files.includes(name))) return false;
  const json = parseJsonFile(await text(modelFiles.config), modelFiles.config) as { model_type?: unknown } | null;
  return typeof json?.model_type !== "string";
}

/**
 * The files of a model on the hub (`hf:owner/name`, perhaps with `@revision`), each fetched when it is asked for.
 * @throws ClipError "not-found" for a repository that is not there, or has no weights that clip-ts reads.
 */
export async function hubFiles(model: string, options: HubOptions): Promise<ModelFiles> {
  const repository = await openRepository(parseHubReference(model), options);
  const { files, address, bytes, text } = repository;
  const chosen = new Set(chooseModelFiles(files, model, { isForeignConfig: await isForeign(repository) }));
  // shards are named by an index among what was chosen
  const isOffered = (name: string): boolean =>
    chosen.has(name) || (files.includes(name) && !weightsFiles.includes(name) && name !== modelFiles.config);
  return {
    name: model,
    place: model,
    pathOf: address,
    has: (name) => files.includes(name) && isOffered(name),
    readText: async (name) => (isOffered(name) ? text(name) : undefined),
    open: async (name) => (isOffered(name) ? inMemory(await bytes(name)) : undefined),
  };
}

/** Weights that open_clip publishes: its list says what they are, and whose tokenizer goes with them. */
async function weightsOf(found: FoundWeights, options: HubOptions): Promise<ModelFiles> {
  const { name, repository = "", config, tokenizer } = found;
  const { files, address, bytes } = await openRepository({ repository, revision: "main" }, options);
  const file = chooseOpenClipWeights(files, repository, found.file);
  const weights = openClipWeightsName(file);
  let opened: Promise<Repository> | undefined;
  /** The tokenizer's repository, if this is a file of its that makes the tokenizer. */
  const offering = async (asked: string): Promise<Repository | undefined> => {
    if (tokenizer === undefined || ![...tokenizerFiles, ...sentencePieceFiles].includes(asked)) return undefined;
    opened ??= openRepository({ repository: tokenizer, revision: "main" }, options);
    const of = await opened;
    return chooseTokenizerFiles(of.files).includes(asked) ? of : undefined;
  };
  return {
    name,
    place: name,
    pathOf: (asked) => (asked === weights ? address(file) : `${name}/${asked}`),
    readText: async (asked) =>
      asked === modelFiles.openClipConfig ? JSON.stringify(config) : (await offering(asked))?.text(asked),
    async open(asked) {
      const content = asked === weights ? await bytes(file) : await (await offering(asked))?.bytes(asked);
      return content === undefined ? undefined : inMemory(content);
    },
  };
}

/** The files of a published model, fetched from the hub. */
export function publishedFiles(found: FoundModel, options: HubOptions): Promise<ModelFiles> {
  if (found.kind === "open_clip") return weightsOf(found, options);
  return hubFiles(`hf:${found.repository}@${found.revision ?? "main"}`, options);
}
