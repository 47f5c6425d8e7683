import { ClipError } from "@clip-ts/base";
import { noTraffic, type Collective, type Communicator } from "./communicator.ts";
import type { Watchdog } from "./watchdog.ts";

/** One call after the other, in the order in which they were asked for. */
export interface Queue {
  readonly traffic: Communicator["traffic"];
  run(kind: Collective, bytes: number, work: () => Promise<void>): Promise<void>;
}

/** A queue of calls that are watched and counted, until the communicator is closed. */
export function createQueue(watchdog: Pick<Watchdog, "during">, isClosed: () => boolean): Queue {
  const traffic = noTraffic();
  let last: Promise<void> = Promise.resolve();
  const timed = async (kind: Collective, bytes: number, work: () => Promise<void>): Promise<void> => {
    const from = performance.now();
    await watchdog.during(kind, work);
    const so = traffic[kind];
    traffic[kind] = { calls: so.calls + 1, bytes: so.bytes + bytes, ms: so.ms + performance.now() - from };
  };
  return {
    traffic,
    run(kind, bytes, work) {
      if (isClosed()) {
        const message = "This communicator was closed, and no call may follow. Close it when all work is done.";
        return Promise.reject(new ClipError("disposed", message));
      }
      last = last.then(() => timed(kind, bytes, work));
      return last;
    },
  };
}
