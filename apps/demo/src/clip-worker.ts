import { ClipError, isClipError } from "@clip-ts/base";
import { countParams } from "@clip-ts/core";
import { clipSpec, type Clip } from "@clip-ts/model";
import {
  measureBackground,
  openFlatIndex,
  searchPictures,
  type Background,
  type QueryEmbedders,
} from "@clip-ts/search";
import { openClip, type ImageSource, type StartedEngine } from "@clip-ts/web";
import type { Call, Emoji, FoundEmoji, ModelInfo, Procedures, Progress, Reply } from "./client.ts";
import { engineFiles } from "./engine-files.ts";

/** Opens the model of a folder and says what it is. */
async function openModel(
  modelUrl: string,
  report: (progress: Progress) => void,
): Promise<{ clip: Clip<ImageSource>; info: ModelInfo }> {
  let engine: StartedEngine | undefined;
  const clip = await openClip(modelUrl, {
    ...engineFiles,
    honourExif: true, // people drop photographs and see them upright
    onProgress: ({ loadedBytes, totalBytes = loadedBytes }) =>
      report({ work: "model", done: loadedBytes, total: totalBytes }),
    onEngine: (started) => (engine = started),
  });
  const { config } = clip;
  const info = {
    engine: {
      name: engine?.name ?? "",
      detail: engine?.detail ?? "",
      reason: engine?.reason ?? "",
    },
    parameters: countParams(clipSpec(config)),
    imageSize: config.vision.imageSize,
  };
  return { clip, info };
}

/** Drawings embedded at a time: between batches the worker answers the page. */
const batchSize = 32;

/** The emoji in an index, which grows from the front while `fill` runs. */
interface Collection {
  /** Fetches and embeds everything, telling how many are done after every batch. */
  fill(onProgress: (done: number) => void): Promise<void>;
  /** The drawings that fit the query, best first, of those done so far; all are shown until what fits can be judged. */
  search(request: Procedures["search"]["input"]): Promise<FoundEmoji>;
}

async function fetchImage(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (response.ok) return response.blob();
  throw new ClipError("not-found", `${url}: the server answered ${response.status}.`);
}

/** Makes an empty collection of the drawings in a folder. */
async function createCollection(
  clip: Clip<ImageSource>,
  folderUrl: string,
  emoji: readonly Emoji[],
): Promise<Collection> {
  const index = await openFlatIndex({ dim: clip.config.projectionDim, fields: { label: "string" } });
  const embedders: QueryEmbedders = {
    texts: (texts) => clip.embedTexts(texts),
    pictures: async (urls) => clip.embedImages(await Promise.all(urls.map(fetchImage))),
  };
  let background: Background | undefined;
  const batchAt = (start: number): readonly Emoji[] => emoji.slice(start, start + batchSize);
  const fetchBatch = (start: number): Promise<Blob[]> =>
    Promise.all(batchAt(start).map(({ file }) => fetchImage(folderUrl + file)));
  return {
    async fill(onProgress) {
      let done = 0;
      let images = await fetchBatch(0);
      while (images.length > 0) {
        // The next batch comes in while this one is embedded.
        const [vectors, next] = await Promise.all([clip.embedImages(images), fetchBatch(done + images.length)]);
        const batch = batchAt(done);
        await index.add({
          ids: batch.map(({ file }) => file),
          vectors,
          fields: batch.map(({ label }) => ({ label })),
        });
        done += images.length;
        images = next;
        if (done === emoji.length) background = await measureBackground(index, embedders);
        onProgress(done);
      }
    },
    async search({ query, count, showsAll }) {
      const parts = { index, embedders, ...(background === undefined ? {} : { background }) };
      const { hits, fits } = await searchPictures(parts, query, { count, showsAll });
      const matches = hits.map(({ id, similarity, fields }) => ({
        file: id,
        label: String(fields["label"]),
        similarity,
      }));
      return { matches, fits };
    },
  };
}

type Handlers = {
  readonly [Name in keyof Procedures]: (input: Procedures[Name]["input"]) => Promise<Procedures[Name]["output"]>;
};

const send = (reply: Reply): void => postMessage(reply);
const report = (progress: Progress): void => send({ kind: "progress", progress });

/** What is asked before the model has come waits for it. */
let opening: ReturnType<typeof openModel> | undefined;
let collection: Collection | undefined;

async function opened(): Promise<Clip<ImageSource>> {
  if (opening === undefined) throw new Error("No model has been opened.");
  return (await opening).clip;
}

const handlers: Handlers = {
  async open({ modelUrl }) {
    opening = openModel(modelUrl, report);
    return (await opening).info;
  },
  async classify({ image, labels, template }) {
    const clip = await opened();
    return clip.classify(image, labels, { templates: [template] });
  },
  async collect({ folderUrl, emoji }) {
    collection = await createCollection(await opened(), folderUrl, emoji);
    await collection.fill((done) => report({ work: "collection", done, total: emoji.length }));
  },
  search: async (request) => (await collection?.search(request)) ?? { matches: [], fits: true },
};

async function answer({ id, name, input }: Call): Promise<void> {
  try {
    const handler = handlers[name] as (input: unknown) => Promise<unknown>;
    send({ kind: "result", id, output: await handler(input) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send({ kind: "failure", id, message, code: isClipError(error) ? error.code : "unsupported" });
  }
}

addEventListener("message", ({ data }: MessageEvent<Call>) => void answer(data));
