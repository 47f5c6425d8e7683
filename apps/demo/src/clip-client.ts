import { ClipError } from "@clip-ts/base";
import type { Procedures, Progress, Reply } from "./messages.ts";

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
  const worker = new Worker(new URL("./worker/clip-worker.ts", import.meta.url), {
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
