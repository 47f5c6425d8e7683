import type { CaptionChoice, JobFault, ReadCaption } from "@clip-ts/data";
import type { TokenizerDescription } from "@clip-ts/tokenizer";
import type { PictureSettings } from "./planes.ts";
import type { SharedList } from "./shared-jobs.ts";

/** What a thread is started with. */
export interface ThreadSettings extends PictureSettings {
  /** Names the thread in what it takes; above 0. */
  readonly thread: number;
  /** One number: not 0 once no more jobs are to be taken. */
  readonly stop: SharedArrayBuffer;
  readonly captions: CaptionChoice | undefined;
  readonly tokenizer: TokenizerDescription | undefined;
}

/** To every thread: jobs that any may take. */
export interface ListMessage extends SharedList {
  readonly kind: "images" | "captions";
  /** Names the list in answers. */
  readonly list: number;
  readonly states: SharedArrayBuffer;
  /** Of images: the slot that they are written to. */
  readonly pixels?: SharedArrayBuffer;
}

/** What comes of a job, where there is more to say than that it is done. */
export type JobResult = ReadCaption | JobFault;

/** From a thread. */
export type ThreadMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "told"; readonly list: number; readonly job: number; readonly result: JobResult }
  /** It found no more job to take, and has finished its own. */
  | { readonly kind: "end"; readonly list: number };
