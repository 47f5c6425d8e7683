/** Exit codes of sysexits.h: try again later; a fault of the program. */
export const exitCodes = { lostRank: 75, fault: 70 } as const;

/** Milliseconds that a call may still take when the process is asked to end, and after which that is said. */
const termination = { patienceMs: 5000, sayMs: 300 } as const;

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

/** Watches the calls of one rank, and the process itself: SIGTERM, errors nobody caught, its end. */
export function createWatchdog(watched: Watched): Watchdog {
  const { rank, size, host, timeoutMs } = watched;
  const who = `rank ${rank} of ${size} (host ${host})`;
  const stagger = staggerMs * Math.min(rank, maxStaggered);
  let on = "";
  let waiting: Waiting | undefined;
  let isOver = false;

  const say = (what: string): void => watched.report(`${who}: ${what}`);
  const place = ({ call, since }: Waiting): string =>
    `${call}${on === "" ? "" : ` of ${on}`}, ${seconds(performance.now() - since)} s so far`;
  const advice = (): string => {
    const text = watched.advice();
    return text === "" ? "" : ` ${text}`;
  };
  const over = (): void => {
    isOver = true;
    process.off("SIGTERM", onTerminate).off("exit", onExit).off("uncaughtExceptionMonitor", onError);
  };
  const abort = (code: number): void => {
    over();
    watched.abort(code);
  };

  /** Whoever else listens ends the process in order, unless a call never returns. */
  function onTerminate(): void {
    const call = waiting;
    if (call === undefined) {
      if (process.listenerCount("SIGTERM") > 1) return;
      process.off("SIGTERM", onTerminate);
      process.kill(process.pid, "SIGTERM");
      return;
    }
    const isStillOut = (): boolean => waiting === call && !isOver;
    setTimeout(() => {
      if (!isStillOut()) return;
      say(
        `asked to end (SIGTERM) while waiting in ${place(call)}. If another rank is gone, all end in ` +
          `${termination.patienceMs / 1000} s with exit code ${exitCodes.lostRank}.${advice()}`,
      );
    }, termination.sayMs).unref();
    setTimeout(() => isStillOut() && abort(exitCodes.lostRank), termination.patienceMs).unref();
  }
  function onError(): void {
    say("an error that nobody caught ends all ranks:");
  }
  /** A rank that ends alone leaves the others waiting, and MPICH calls the whole a success. */
  function onExit(code: number): void {
    if (code === 0) say("ended before the others, without closing its communicator; all are ended.");
    abort(code === 0 ? exitCodes.fault : code);
  }
  process.on("SIGTERM", onTerminate).on("exit", onExit).on("uncaughtExceptionMonitor", onError);

  return {
    working(what) {
      on = what;
    },
    async during(call, work) {
      const own: Waiting = { call, since: performance.now() };
      waiting = own;
      const timer = setTimeout(() => {
        const limit = `the limit is ${seconds(timeoutMs)} s (commTimeout)`;
        say(`waits in ${place(own)}; ${limit}. Another rank stalls or is gone; all are ended.${advice()}`);
        abort(exitCodes.lostRank);
      }, timeoutMs + stagger);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        waiting = undefined;
      }
    },
    fail(what, code) {
      say(`${what}${waiting === undefined ? "" : ` in ${place(waiting)}`}; all ranks are ended.${advice()}`);
      abort(code);
    },
    end: over,
  };
}
