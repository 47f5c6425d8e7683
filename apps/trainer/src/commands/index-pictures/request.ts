import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { hubName, isHubReference } from "@clip-ts/base";
import type { StoreChoice, StoreName } from "@clip-ts/picture-index";
import { UsageError, type Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/options.ts";

/** What is asked of `index`. */
export interface IndexRequest {
  /** The index's folder. */
  readonly output: string;
  readonly model: string;
  /** What the index calls the model. */
  readonly name: string;
  /** Folders, files and shards; none for those that the index has. */
  readonly words: readonly string[];
  readonly forget: readonly string[];
  readonly remaps: boolean;
  readonly store: StoreChoice;
  readonly honourExif: boolean | undefined;
  readonly batch: number;
  readonly maxTokens: number | undefined;
}

/** The last name of a model's folder, file or hub address. */
const nameOfModel = (model: string): string => {
  const isName = !isHubReference(model) && !existsSync(model); // a published model's, such as ViT-B-32/openai
  return isName ? model : basename(hubName(model).replace(/(?<=.)[/\\]+$/, ""));
};

function modelOf({ positionals, text }: Arguments): { model: string; words: readonly string[] } {
  const remap = text("remap");
  const [model, ...words] = remap === undefined ? positionals : [remap, ...positionals];
  if (model !== undefined) return { model, words };
  throw new UsageError("index needs a model. Usage: clip-ts index MODEL FOLDER... -o INDEX");
}

/** The store that options ask for. @throws UsageError for those that are of different stores. */
function storeOf({ text }: Arguments): StoreChoice {
  const store: StoreChoice = {
    name: text("store") as StoreName | undefined,
    dtype: text("dtype") as StoreChoice["dtype"],
    url: text("qdrant"),
  };
  if (store.dtype !== undefined && (store.name ?? "flat") !== "flat") {
    throw new UsageError(`--dtype is for --store flat, not for --store ${store.name}.`);
  }
  if (store.url !== undefined && (store.name ?? "qdrant") !== "qdrant") {
    throw new UsageError(`--qdrant is for --store qdrant, not for --store ${store.name}.`);
  }
  if (store.name === "qdrant" && store.url === undefined) {
    throw new UsageError("--store qdrant needs the server's address: --qdrant http://localhost:6333");
  }
  return store;
}

/** Reads the options of `index`. @throws UsageError for what makes no sense together. */
export function indexRequest(args: Arguments): IndexRequest {
  const { text, texts, flag } = args;
  const { model, words } = modelOf(args);
  const store = storeOf(args);
  return {
    output: text("output") as string,
    model,
    name: text("name") ?? nameOfModel(model),
    words,
    forget: texts("forget").map((path) => resolve(path)),
    remaps: text("remap") !== undefined,
    store,
    honourExif: flag("no-exif") ? false : undefined,
    batch: countOption(args, "batch") ?? 32,
    maxTokens: countOption(args, "max-tokens"),
  };
}
