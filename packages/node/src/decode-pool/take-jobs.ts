/**
 * Who has which job of a list: in shared memory, so that threads take jobs without asking anyone, and the one
 * that gave the list out sees what became of them.
 */
export interface JobStates {
  readonly memory: SharedArrayBuffer;
  /** Takes the next job that nobody has, for a thread (its number above 0); undefined if there is none. */
  take(thread: number): number | undefined;
  /** Marks a job as done; `told` if a message says what came of it. */
  finish(job: number, told: boolean): void;
  /** The jobs that a thread has taken and not finished. */
  takenBy(thread: number): number[];
  /** Puts a job back for any thread to take, once it is told of the list again. */
  putBack(job: number): void;
  /** How many jobs are finished, and of how many of those a message tells. */
  count(): { readonly finished: number; readonly told: number };
}

const free = 0;
const finished = -1;
const finishedAndTold = -2;

/** Memory for the states of so many jobs, none of them taken. */
export function stateMemory(jobs: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (jobs + 1));
}

/** The states in memory: the number of the next job, then a state for each. */
export function jobStates(memory: SharedArrayBuffer): JobStates {
  const next = new Int32Array(memory, 0, 1);
  const states = new Int32Array(memory, 4);
  return {
    memory,
    take(thread) {
      for (;;) {
        const job = Atomics.add(next, 0, 1);
        if (job >= states.length) return undefined;
        if (Atomics.compareExchange(states, job, free, thread) === free) return job;
      }
    },
    finish(job, told) {
      Atomics.store(states, job, told ? finishedAndTold : finished);
    },
    takenBy(thread) {
      return [...states.keys()].filter((job) => Atomics.load(states, job) === thread);
    },
    putBack(job) {
      Atomics.store(states, job, free);
      Atomics.store(next, 0, 0);
    },
    count() {
      const all = [...states.keys()].map((job) => Atomics.load(states, job));
      const told = all.filter((state) => state === finishedAndTold).length;
      return { finished: told + all.filter((state) => state === finished).length, told };
    },
  };
}
