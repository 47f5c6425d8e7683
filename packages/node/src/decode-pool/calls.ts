import { ClipError } from "@clip-ts/base";
import type { JobResult, ListMessage, ThreadMessage } from "./messages.ts";
import type { SharedList } from "./shared-jobs.ts";
import { jobStates, stateMemory, type JobStates } from "./take-jobs.ts";

/** Lists of jobs that are given out, and what comes of them. */
export interface Calls {
  /** Gives a list out. Resolves with what was told of each job once all are done, in the jobs' order. */
  start(kind: ListMessage["kind"], jobs: readonly { readonly key: string }[], list: CallList): Promise<CallResults>;
  heard(message: ThreadMessage): void;
  /** Gives out again what a thread had taken when it ended; what ended two threads is given up. */
  lost(thread: number, reason: string): void;
  /** Rejects what is under way, and what is started from here on. */
  fail(error: Error): void;
}

/** Where the jobs of a call lie, and where images go. */
export interface CallList extends SharedList {
  readonly pixels?: SharedArrayBuffer;
}

/** Of each job what was told of it. */
export type CallResults = (JobResult | undefined)[];

interface Call {
  readonly message: ListMessage;
  readonly states: JobStates;
  readonly jobs: readonly { readonly key: string }[];
  readonly results: CallResults;
  /** Jobs that a thread ended with. */
  readonly lost: Set<number>;
  resolve(results: CallResults): void;
  reject(error: Error): void;
}

/** Puts back what the thread had taken, or gives it up. */
function putBackJobs({ states, jobs, results, lost }: Call, thread: number, reason: string): void {
  for (const job of states.takenBy(thread)) {
    if (lost.has(job)) {
      results[job] = { reason: `${jobs[job]!.key} has ended two of the threads that read it: ${reason}` };
      states.finish(job, true);
    } else {
      lost.add(job);
      results[job] = undefined;
      states.putBack(job);
    }
  }
}

function isDone({ states, jobs, results }: Call): boolean {
  const { finished, told } = states.count();
  return finished === jobs.length && results.filter((result) => result !== undefined).length === told;
}

/** Calls over threads that `post` reaches; `hold` says whether there is any. */
export function createCalls(post: (message: ListMessage) => void, hold: (isHeld: boolean) => void): Calls {
  const open = new Map<number, Call>();
  let started = 0;
  let failure: Error | undefined;

  const end = (list: number): void => {
    open.delete(list);
    if (open.size === 0) hold(false);
  };
  const settle = (call: Call): void => {
    if (!isDone(call)) return;
    end(call.message.list);
    call.resolve(call.results);
  };

  return {
    start(kind, jobs, list) {
      if (failure !== undefined) return Promise.reject(failure);
      if (jobs.length === 0) return Promise.resolve([]);
      const memory = stateMemory(jobs.length);
      const message = { ...list, kind, list: ++started, states: memory };
      const results: CallResults = Array.from({ length: jobs.length }, () => undefined);
      return new Promise((resolve, reject) => {
        const call = { message, states: jobStates(memory), jobs, results, lost: new Set<number>(), resolve, reject };
        open.set(message.list, call);
        hold(true);
        post(message);
      });
    },
    heard(message) {
      const call = message.kind === "ready" ? undefined : open.get(message.list);
      if (call === undefined) return;
      if (message.kind === "told") call.results[message.job] = message.result;
      else settle(call);
    },
    lost(thread, reason) {
      for (const call of open.values()) {
        putBackJobs(call, thread, reason);
        settle(call);
        if (open.has(call.message.list)) post(call.message);
      }
    },
    fail(error) {
      failure = error;
      for (const { message, reject } of open.values()) {
        end(message.list);
        reject(error);
      }
    },
  };
}

/** What a pool that was closed says. */
export function closedError(): ClipError {
  return new ClipError("disposed", "The decode pool was closed, which ended its threads: make another one");
}
