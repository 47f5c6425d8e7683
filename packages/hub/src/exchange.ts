import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ClipError } from "@clip-ts/base";
import { askedWait, broken, isTransient, stalled, unreachable } from "./hub-errors.ts";
import { defaultRetries, type HubSettings, type RetryPolicy } from "./hub-settings.ts";

/** What is sent. A body in pieces is made anew for every try. */
export interface HubRequest {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | (() => AsyncIterable<Uint8Array>);
  /** Ends the exchange, and the reading of its answer; with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What sets the time-out, for the message of one that passed; HF_HUB_DOWNLOAD_TIMEOUT if absent. */
  readonly timeoutSetBy?: string;
}

/** What came back. Its body is read by `chunks` or given up by `discard`. */
export interface HubAnswer {
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  /** The body. @throws ClipError for a connection that breaks or on which nothing comes any more. */
  readonly chunks: () => AsyncIterable<Uint8Array>;
  readonly discard: () => void;
}

/** Time for what came while JavaScript was busy to be heard before the connection is given up. */
const grace = 100;

/** A watch on a connection: `heard` starts it or begins anew, `rest` stops it. */
export interface Watch {
  readonly heard: () => void;
  readonly rest: () => void;
}

/** Calls `onSilence` unless something is heard of at least every `timeout` milliseconds. */
export function watch(timeout: number, onSilence: () => void): Watch {
  let timer: NodeJS.Timeout | undefined;
  const rest = (): void => clearTimeout(timer);
  const heard = (): void => {
    rest();
    timer = setTimeout(() => (timer = setTimeout(onSilence, grace)), timeout);
  };
  return { heard, rest };
}

async function* told(chunks: AsyncIterable<Uint8Array>, tell: () => void): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    tell();
    yield chunk;
  }
}

/** The pieces of a body; time counts only while one is waited for, not while it is dealt with. */
async function* piecesOf(
  { body, url }: Response,
  { heard, rest }: Watch,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      heard();
      const { done, value } = await reader.read();
      rest();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof ClipError ? cause : broken(url, cause);
  } finally {
    rest();
    void reader.cancel().catch(() => undefined);
  }
}

/**
 * Sends one request and waits for the head of its answer; redirects come back as they are.
 * @throws ClipError for a server that cannot be reached, and one that is silent for `timeout` ms.
 */
export async function exchange(
  url: string,
  { method = "GET", headers, body, ...request }: HubRequest,
  timeout: number,
): Promise<HubAnswer> {
  const control = new AbortController();
  const silence = watch(timeout, () => control.abort(stalled(url, timeout, request.timeoutSetBy)));
  const signal = request.signal === undefined ? control.signal : AbortSignal.any([control.signal, request.signal]);
  const init: RequestInit = { method, headers: { ...headers }, redirect: "manual", signal };
  if (typeof body === "string") init.body = body;
  else if (body !== undefined) {
    init.body = Readable.toWeb(Readable.from(told(body(), silence.heard))) as ReadableStream;
    Object.assign(init, { duplex: "half" }); // as fetch asks for where a body streams
  }
  silence.heard();
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    request.signal?.throwIfAborted();
    throw cause instanceof ClipError ? cause : unreachable(url, cause);
  } finally {
    silence.rest();
  }
  return {
    url,
    status: response.status,
    headers: response.headers,
    chunks: () => piecesOf(response, silence, request.signal),
    discard: () => void response.body?.cancel().catch(() => undefined),
  };
}

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
const inSeconds = (wait: number): string => `${wait < 1000 ? (wait / 1000).toFixed(1) : Math.round(wait / 1000)} s`;

function tooLong(error: ClipError, wait: number): ClipError {
  return new ClipError(
    error.code,
    `${error.message} It asks to wait ${inSeconds(wait)}, which is longer than clip-ts waits.`,
    { data: { ...error.data }, cause: error },
  );
}

/** How tries are counted and told of; `signal` ends a wait, which then rejects with the signal's reason. */
export interface RetrySettings extends Pick<HubSettings, "retry" | "onNotice"> {
  readonly signal?: AbortSignal;
}

/**
 * Counts tries by the settings' policy; between them it waits for {@link backOff}, and at least as long
 * as the hub asks for.
 */
export function startRetries({ retry = defaultRetries, onNotice, signal }: RetrySettings): Retries {
  let tries = 0;
  let { patience } = retry;
  return {
    reset() {
      tries = 0;
      ({ patience } = retry);
    },
    async again(error) {
      if (!(error instanceof ClipError) || !isTransient(error) || tries >= retry.retries) throw error;
      const wait = Math.max(askedWait(error) ?? 0, backOff(retry, tries));
      if (wait > patience) throw tooLong(error, wait);
      patience -= wait;
      tries++;
      onNotice?.(`${error.message} Trying again in ${inSeconds(wait)} (${tries} of ${retry.retries}).`);
      await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
    },
  };
}

/** Does something until it succeeds, as often as the policy allows. */
export async function withRetries<T>(settings: RetrySettings, attempt: () => Promise<T>): Promise<T> {
  const { again } = startRetries(settings);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await again(error);
    }
  }
}
