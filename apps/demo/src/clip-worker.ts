import { ClipError, isClipError } from "@clip-ts/base";
import { countParams } from "@clip-ts/core";
import { clipSpec, scoresOf, type Clip } from "@clip-ts/model";
import { openClip, type ImageSource, type StartedEngine } from "@clip-ts/web";
import type { Call, Emoji, ModelInfo, Procedures, Progress, RankedEmoji, Reply } from "./client.ts";
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

/** The emoji with their features, which grow from the front while `fill` runs. */
interface Collection {
  /** Fetches and embeds everything, telling how many are done after every batch. */
  fill(onProgress: (done: number) => void): Promise<void>;
  /** The drawings most like the query, best first, of those done so far. */
  rank(query: string, count: number): Promise<RankedEmoji[]>;
}

async function fetchImage(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (response.ok) return response.blob();
  throw new ClipError("not-found", `${url}: the server answered ${response.status}.`);
}

/** Makes an empty collection of the drawings in a folder. */
function createCollection(clip: Clip<ImageSource>, folderUrl: string, emoji: readonly Emoji[]): Collection {
  const dim = clip.config.projectionDim;
  const fetchBatch = (start: number): Promise<Blob[]> =>
    Promise.all(emoji.slice(start, start + batchSize).map(({ file }) => fetchImage(folderUrl + file)));
  const values = new Float32Array(emoji.length * dim);
  let done = 0;
  return {
    async fill(onProgress) {
      let images = await fetchBatch(0);
      while (images.length > 0) {
        // The next batch comes in while this one is embedded.
        const [features, next] = await Promise.all([clip.embedImages(images), fetchBatch(done + images.length)]);
        values.set(features.values, done * dim);
        done += images.length;
        images = next;
        onProgress(done);
      }
    },
    async rank(query, count) {
      const text = await clip.embedTexts([query]);
      const scores = scoresOf(text, 0, { values: values.subarray(0, done * dim), rows: done, dim });
      return emoji
        .slice(0, scores.length)
        .map((entry, index) => ({ ...entry, similarity: scores[index] as number }))
        .toSorted((a, b) => b.similarity - a.similarity)
        .slice(0, count);
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
    collection = createCollection(await opened(), folderUrl, emoji);
    await collection.fill((done) => report({ work: "collection", done, total: emoji.length }));
  },
  rank: async ({ query, count }) => (await collection?.rank(query, count)) ?? [],
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
