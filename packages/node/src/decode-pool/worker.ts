// A thread of the decode pool. It takes jobs out of lists in shared memory, so it works on while the main thread
// stands still. What captions need is loaded when there are some: pictures alone start at once.
import { parentPort, workerData } from "node:worker_threads";
import type { CaptionJob, ReadCaption } from "@clip-ts/data";
import { inputBytes } from "@clip-ts/image";
import { doImage, faultOf } from "./do-image.ts";
import type { JobResult, ListMessage, ThreadMessage, ThreadSettings } from "./messages.ts";
import { createRangeReader } from "./read-range.ts";
import { sharedCaptions, sharedImages } from "./shared-jobs.ts";
import { jobStates, type JobStates } from "./take-jobs.ts";

const settings = workerData as ThreadSettings;
const port = parentPort!;
const stop = new Int32Array(settings.stop);
const reader = createRangeReader();
const lengthOfImage = inputBytes(settings.preprocess);

const post = (message: ThreadMessage): void => port.postMessage(message);

interface List {
  readonly message: ListMessage;
  readonly states: JobStates;
  /** Does a job; what there is to tell of it. */
  run(job: number): Promise<JobResult | undefined>;
}

type ReadCaptionOf = (job: CaptionJob) => Promise<ReadCaption>;

async function loadReading(): Promise<ReadCaptionOf> {
  const [{ tokenizerFrom }, { doCaption }] = await Promise.all([
    import("@clip-ts/tokenizer"),
    import("./do-caption.ts"),
  ]);
  const tools = { ...settings, tokenizer: tokenizerFrom(settings.tokenizer!), reader };
  return (job) => doCaption(job, tools);
}

let reading: Promise<ReadCaptionOf> | undefined;

function imageList(message: ListMessage): List["run"] {
  const jobs = sharedImages(message);
  return async (index) => {
    const job = jobs(index);
    const target = new Uint8ClampedArray(message.pixels!, job.row * lengthOfImage, lengthOfImage);
    return doImage(job, settings, reader, target).then(
      () => undefined,
      (error: unknown) => faultOf(job.key, error),
    );
  };
}

function captionList(message: ListMessage): List["run"] {
  const jobs = sharedCaptions(message);
  return async (index) => {
    const job = jobs(index);
    const read = async (): Promise<ReadCaption> => (await (reading ??= loadReading()))(job);
    return read().catch((error: unknown) => faultOf(job.key, error));
  };
}

const lists: List[] = [];

/** Captions come first: what is planned next waits for them. */
function nextList(): List | undefined {
  if (Atomics.load(stop, 0) !== 0) return undefined;
  return lists.find(({ message }) => message.kind === "captions") ?? lists[0];
}

async function takeOne({ message, states, run }: List): Promise<void> {
  const { list } = message;
  const job = states.take(settings.thread);
  if (job === undefined) {
    lists.splice(
      lists.findIndex((other) => other.message.list === list),
      1,
    );
    return post({ kind: "end", list });
  }
  const result = await run(job);
  if (result !== undefined) post({ kind: "told", list, job, result });
  states.finish(job, result !== undefined);
}

let isWorking = false;

async function work(): Promise<void> {
  if (isWorking) return;
  isWorking = true;
  for (let list = nextList(); list !== undefined; list = nextList()) await takeOne(list);
  isWorking = false;
  reader.close(); // what was deleted meanwhile shall not stay on the disk
  if (Atomics.load(stop, 0) !== 0) port.close();
}

port.on("message", (message: ListMessage | { readonly kind: "stop" }) => {
  if (message.kind !== "stop" && !lists.some((list) => list.message.list === message.list)) {
    const run = message.kind === "images" ? imageList(message) : captionList(message);
    lists.push({ message, states: jobStates(message.states), run });
  }
  void work();
});
post({ kind: "ready" });
