import { ClipError } from "@clip-ts/base";
import { findPreprocess, preprocessInTurns } from "@clip-ts/image";
import {
  clipSpec,
  createClip,
  parseClipConfig,
  type Clip,
  type ClipConfig,
  type ClipParams,
  type OwnTower,
} from "@clip-ts/model";
import { openTokenizer, type Tokenizer } from "@clip-ts/tokenizer";
import { bytesSource, loadParams, openSafetensors } from "@clip-ts/weights";
import { decodeImage, type DecodeOptions, type ImageSource } from "./decode-image.ts";
import { fetchBytes } from "./fetch-bytes.ts";
import {
  fetchJson,
  fetchOptionalJson,
  fetchOptionalText,
  type FetchOptions,
} from "./fetch-file.ts";
import { startWasmEngine, type WasmEngineOptions } from "./start-wasm-engine.ts";

/** Settings of openClip. */
export interface OpenClipOptions extends FetchOptions, WasmEngineOptions, DecodeOptions {
  /** "wasm" by default; "current" keeps the TensorFlow.js backend that the application has set. */
  readonly engine?: "wasm" | "current";
  /** Images or captions embedded at a time; 32 by default. */
  readonly batchSize?: number;
  /** Towers that somebody defined elsewhere (`defineVisionTower`, `defineTextTower`) and the model names. */
  readonly towers?: readonly OwnTower[];
  /** Hears what is assumed where the model's files do not say it; by default a warning on the console. */
  readonly onNotice?: (line: string) => void;
}

/** The address of a file in a folder; a relative folder is meant from the page or worker. */
function addressIn(folder: string | URL, name: string): string {
  const path = String(folder);
  const base = new URL(path.endsWith("/") ? path : `${path}/`, globalThis.location?.href);
  return new URL(name, base).href;
}

/** The text tower's tokenizer, from the folder's files; CLIP's own is inside. */
async function readTokenizer(
  folder: string | URL,
  json: unknown,
  { config: { text }, options }: { config: ClipConfig; options: OpenClipOptions },
): Promise<Tokenizer> {
  const { model_type: type } = json as { readonly model_type?: unknown };
  const tokenizer = await openTokenizer(
    text,
    (name) => fetchOptionalText(addressIn(folder, name), options),
    { cutsVocabulary: type === "clip-ts" },
  );
  if (tokenizer !== undefined) return tokenizer;
  throw new ClipError(
    "unsupported",
    `${String(folder)}: the text tower has a vocabulary of ${text.vocabSize} and no tokenizer. Serve its ` +
      "tokenizer's files beside the weights.",
    { data: { vocabSize: text.vocabSize } },
  );
}

async function loadWeights(
  url: string,
  bytes: Uint8Array,
  config: ClipConfig,
): Promise<ClipParams> {
  const file = await openSafetensors(bytesSource(bytes), url);
  return loadParams(clipSpec(config), file);
}

/**
 * Opens a model that a web server holds in a Hugging Face style folder: `config.json`,
 * `model.safetensors` and, where there is one, `preprocessor_config.json` or `processor_config.json`. Starts the engine and returns
 * the handle that embeds images and texts and classifies. Dispose the handle when done.
 * @throws ClipError naming the file that is missing, broken or does not fit.
 */
export async function openClip(
  url: string | URL,
  options: OpenClipOptions = {},
): Promise<Clip<ImageSource>> {
  const json = await fetchJson(addressIn(url, "config.json"), options);
  const config = parseClipConfig(json, { towers: options.towers });
  const tokenizer = await readTokenizer(url, json, { config, options });
  const weightsUrl = addressIn(url, "model.safetensors");
  const folder = {
    place: String(url),
    read: (name: string) => fetchOptionalJson(addressIn(url, name), options),
    onNotice: options.onNotice ?? ((line: string) => console.warn(line)),
  };
  const [preprocessing, bytes] = await Promise.all([
    findPreprocess(folder, config),
    fetchBytes(weightsUrl, options),
    options.engine === "current" ? undefined : startWasmEngine(options),
  ]);
  return createClip<ImageSource>({
    config,
    model: await loadWeights(weightsUrl, bytes, config),
    tokenize: (texts) => tokenizer.encodeBatch(texts, { multiple: 8 }),
    preprocess: async (image) =>
      preprocessInTurns(await decodeImage(image, options), preprocessing),
    ...(options.batchSize === undefined ? {} : { batchSize: options.batchSize }),
  });
}
