import { isClipError } from "@clip-ts/base";
import type { Clip } from "@clip-ts/model";
import type { ImageSource } from "@clip-ts/web";
import type { Call, Procedures, Progress, Reply } from "../messages.ts";
import { createCollection, type Collection } from "./collection.ts";
import { openModel } from "./open-model.ts";

type Handlers = {
  readonly [Name in keyof Procedures]: (
    input: Procedures[Name]["input"],
  ) => Promise<Procedures[Name]["output"]>;
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
