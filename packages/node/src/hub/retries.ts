import { setTimeout as sleep } from "node:timers/promises";
import { ClipError } from "@clip-ts/base";
import { askedWait, isTransient } from "./hub-errors.ts";
import { defaultRetries, type HubSettings, type RetryPolicy } from "./hub-settings.ts";

/** Tries that are left. */
export interface Retries {
  /** Waits before another try. @throws the error itself if there is none, or if it would not help. */
  readonly again: (error: unknown) => Promise<void>;
  /** The last try brought something: count anew. */
  readonly reset: () => void;
}

/**
 * Milliseconds before another try: twice as long each time, half of it by chance so that many clients do
 * not come back at once.
 */
export function backOff(
  { firstWait, longestWait }: RetryPolicy,
  tries: number,
  chance: number = Math.random(),
): number {
  return Math.min(longestWait, firstWait * 2 ** tries) * (0.5 + chance / 2);
}

/** Seconds in a message: whole ones where there are some. */
const inSeconds = (wait: number): string =>
  `${wait < 1000 ? (wait / 1000).toFixed(1) : Math.round(wait / 1000)} s`;

function tooLong(error: ClipError, wait: number): ClipError {
  return new ClipError(
    error.code,
    `${error.message} It asks to wait ${inSeconds(wait)}, which is longer than clip-ts waits.`,
    { data: { ...error.data }, cause: error },
  );
}

/**
 * Counts tries by the settings' policy; between them it waits for {@link backOff}, and at least as long
 * as the hub asks for.
 */
export function startRetries({
  retry = defaultRetries,
  onNotice,
}: Pick<HubSettings, "retry" | "onNotice">): Retries {
  let tries = 0;
  let { patience } = retry;
  return {
    reset() {
      tries = 0;
      ({ patience } = retry);
    },
    async again(error) {
      if (!(error instanceof ClipError) || !isTransient(error) || tries >= retry.retries)
        throw error;
      const wait = Math.max(askedWait(error) ?? 0, backOff(retry, tries));
      if (wait > patience) throw tooLong(error, wait);
      patience -= wait;
      tries++;
      onNotice?.(
        `${error.message} Trying again in ${inSeconds(wait)} (${tries} of ${retry.retries}).`,
      );
      await sleep(wait);
    },
  };
}

/** Does something until it succeeds, as often as the policy allows. */
export async function withRetries<T>(
  settings: Pick<HubSettings, "retry" | "onNotice">,
  attempt: () => Promise<T>,
): Promise<T> {
  const { again } = startRetries(settings);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await again(error);
    }
  }
}
