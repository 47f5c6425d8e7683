import { ClipError, type ClipErrorCode, type ImageSize } from "@clip-ts/base";
import type { Classification } from "@clip-ts/model";

/** One drawing of the collection. */
export interface Emoji {
  /** File name below /emoji/. */
  readonly file: string;
  readonly label: string;
}

/** A drawing and its cosine with the query. */
export interface RankedEmoji extends Emoji {
  readonly similarity: number;
}

/** What a search found. */
export interface FoundEmoji {
  /** Best first. */
  readonly matches: readonly RankedEmoji[];
  /** Whether any drawing fits; true until all are there to be judged by. */
  readonly fits: boolean;
}

/** What the page says about the model at its foot. */
export interface ModelInfo {
  /** What runs it: the engine's name, its version and kind with its threads, and why it was chosen. */
  readonly engine: { readonly name: string; readonly detail: string; readonly reason: string };
  readonly parameters: number;
  /** Side of the images the model sees, in pixels. */
  readonly imageSize: ImageSize;
}

/** What the page asks of the worker, by name: what it sends and what it gets. */
export interface Procedures {
  open: { input: { readonly modelUrl: string }; output: ModelInfo };
  classify: {
    input: { readonly image: Blob; readonly labels: readonly string[]; readonly template: string };
    output: Classification[];
  };
  /** Embeds the whole collection; resolves at the end. */
  collect: {
    input: { readonly folderUrl: string; readonly emoji: readonly Emoji[] };
    output: void;
  };
  /** The drawings that fit the query best, of those embedded so far. */
  search: {
    input: { readonly query: string; readonly count: number; readonly showsAll: boolean };
    output: FoundEmoji;
  };
}

/** A call on its way to the worker. */
export type Call = {
  [Name in keyof Procedures]: {
    readonly id: number;
    readonly name: Name;
    readonly input: Procedures[Name]["input"];
  };
}[keyof Procedures];

/** How far a long piece of work is: bytes of the model or emoji embedded. */
export interface Progress {
  readonly work: "model" | "collection";
  readonly done: number;
  readonly total: number;
}

/** What the worker sends. */
export type Reply =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "result"; readonly id: number; readonly output: unknown }
  | {
      readonly kind: "failure";
      readonly id: number;
      readonly code: ClipErrorCode;
      readonly message: string;
    };

/** The worker, as the page sees it. */
export interface ClipClient {
  /** Asks the worker; rejects with its error. */
  call<Name extends keyof Procedures>(
    name: Name,
    input: Procedures[Name]["input"],
  ): Promise<Procedures[Name]["output"]>;
}

interface Pending {
  resolve(output: unknown): void;
  reject(error: Error): void;
}

/** Starts the worker that loads and runs the model, so that the page never waits for it. */
export function startClipWorker(onProgress: (progress: Progress) => void): ClipClient {
  const worker = new Worker(new URL("./clip-worker.ts", import.meta.url), {
    type: "module",
  });
  const pending = new Map<number, Pending>();
  let calls = 0;

  function settle(id: number, use: (call: Pending) => void): void {
    const call = pending.get(id);
    pending.delete(id);
    if (call !== undefined) use(call);
  }

  worker.addEventListener("message", ({ data: reply }: MessageEvent<Reply>) => {
    if (reply.kind === "progress") onProgress(reply.progress);
    else if (reply.kind === "result") settle(reply.id, ({ resolve }) => resolve(reply.output));
    else settle(reply.id, ({ reject }) => reject(new ClipError(reply.code, reply.message)));
  });
  worker.addEventListener("error", ({ message }) => {
    const error = new ClipError("engine-unavailable", `The worker broke down: ${message}`);
    for (const id of pending.keys()) settle(id, ({ reject }) => reject(error));
  });

  return {
    call<Name extends keyof Procedures>(name: Name, input: Procedures[Name]["input"]) {
      const id = calls++;
      return new Promise<Procedures[Name]["output"]>((resolve, reject) => {
        pending.set(id, { resolve, reject });
        worker.postMessage({ id, name, input });
      });
    },
  };
}
