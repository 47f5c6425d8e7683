import { inspect } from "node:util";

/** Exit codes of sysexits.h: try again later; a fault of the program. */
export const exitCodes = { lostRank: 75, fault: 70 } as const;

/**
 * Milliseconds that a call may still take when the process is asked to end: long where somebody else listens, who ends
 * it in order, as rank 0 may be saving what the others wait for.
 */
const patienceMs = { inOrder: 60_000, alone: 5000 } as const;

/** Milliseconds by which the next rank says later that it waited too long: mostly one message is read. */
const staggerMs = 100;
const maxStaggered = 20;

/** What the watchdog knows of its process, and how it ends all of them. */
export interface Watched {
  readonly rank: number;
  readonly size: number;
  /** The machine's name. */
  readonly host: string;
  /** Milliseconds that a call may take. */
  readonly timeoutMs: number;
  /** What to do about a lost rank, as a sentence; empty for none. */
  advice(): string;
  /** Hears what is said before the end, a line each. */
  report(line: string): void;
  /** Ends all ranks, this one too. */
  abort(code: number): void;
}

/** Sees that no rank waits for ever, and that none ends alone. */
export interface Watchdog {
  /** Names what the process works on, for messages. */
  working(on: string): void;
  /** Runs a call under watch. */
  during<T>(call: string, work: () => Promise<T>): Promise<T>;
  /** What is said of this rank, with its number and machine. */
  line(what: string): string;
  /** Says what went wrong and ends all ranks. */
  fail(what: string, code: number): void;
  /** From now on the process may end by itself. */
  end(): void;
}

/** A call that is out. */
interface Waiting {
  readonly call: string;
  readonly since: number;
}

const seconds = (ms: number): string => (ms < 10_000 ? (ms / 1000).toFixed(1) : String(Math.round(ms / 1000)));

/** What ends a process from outside the calls. */
interface Endings {
  onTerminate(): void;
  onError(error: unknown): void;
  onExit(code: number): void;
}

/** Gives the launcher a moment for what was said: when a rank aborts, it may drop what is still on its way. */
const letLauncherRead = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);

/** Listens for what ends the process; gives what stops listening. */
function listen({ onTerminate, onError, onExit }: Endings): () => void {
  process.on("SIGTERM", onTerminate).on("exit", onExit).on("uncaughtExceptionMonitor", onError);
  return () => process.off("SIGTERM", onTerminate).off("exit", onExit).off("uncaughtExceptionMonitor", onError);
}

/** Ends the process by SIGTERM, unless somebody else listens, who ends it in order. */
function terminateUnlessHeard(stopListening: () => void): void {
  if (process.listenerCount("SIGTERM") > 1) return;
  stopListening();
  process.kill(process.pid, "SIGTERM");
}

/** Watches the calls of one rank, and the process itself: SIGTERM, errors nobody caught, its end. */
export function createWatchdog({ rank, size, host, timeoutMs, ...watched }: Watched): Watchdog {
  let on = "";
  let waiting: Waiting | undefined;

  const line = (what: string): string => `rank ${rank} of ${size} (host ${host}): ${what}`;
  const say = (what: string, advice = watched.advice()): void =>
    watched.report(`${line(what)}${advice === "" ? "" : ` ${advice}`}`);
  const place = ({ call, since }: Waiting): string =>
    `${call}${on === "" ? "" : ` of ${on}`}, ${seconds(performance.now() - since)} s so far`;
  const abort = (code: number): void => {
    stopListening();
    letLauncherRead();
    watched.abort(code);
  };
  const stopListening = listen({
    onTerminate() {
      const call = waiting;
      if (call === undefined) return terminateUnlessHeard(stopListening);
      const onPatienceOver = (): void => {
        if (waiting !== call) return;
        say(`asked to end (SIGTERM), but another rank is gone or stalls: waits in ${place(call)}.`);
        abort(exitCodes.lostRank);
      };
      const isHeard = process.listenerCount("SIGTERM") > 1;
      setTimeout(onPatienceOver, isHeard ? patienceMs.inOrder : patienceMs.alone).unref();
    },
    // Node would print the error after the ranks were ended.
    onError: (error) => say(`an error that nobody caught ends all ranks:\n${inspect(error)}`, ""),
    // A rank that ends alone leaves the others waiting, and MPICH calls the whole a success.
    onExit(code) {
      if (code === 0) say("ended before the others, without closing its communicator; all are ended.", "");
      abort(code === 0 ? exitCodes.fault : code);
    },
  });

  return {
    working(what) {
      on = what;
    },
    async during(call, work) {
      const own: Waiting = { call, since: performance.now() };
      waiting = own;
      const onTimeout = (): void => {
        const limit = `the limit is ${seconds(timeoutMs)} s (commTimeout)`;
        say(`waits in ${place(own)}; ${limit}. Another rank stalls or is gone; all are ended.`);
        abort(exitCodes.lostRank);
      };
      const timer = setTimeout(onTimeout, timeoutMs + staggerMs * Math.min(rank, maxStaggered));
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        waiting = undefined;
      }
    },
    line,
    fail(what, code) {
      say(`${what}${waiting === undefined ? "" : ` in ${place(waiting)}`}; all ranks are ended.`);
      abort(code);
    },
    end: stopListening,
  };
}
