import type { IncomingMessage, ServerResponse } from "node:http";
import type { LocalHub } from "./local-hub.ts";

/** What a server does with a request in the place of an honest answer. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Has a local hub give `answer` to requests whose "METHOD path" fits `pattern`, the first `times` of
 * them; later calls go before earlier ones.
 */
export function answerTo(
  hub: LocalHub,
  pattern: RegExp,
  answer: Answer,
  times: number = Infinity,
): void {
  const earlier = hub.intercept;
  let left = times;
  hub.intercept = (request, response) => {
    const line = `${request.method} ${decodeURIComponent(request.url ?? "")}`;
    if (left <= 0 || !pattern.test(line)) return earlier?.(request, response) ?? false;
    left--;
    answer(request, response);
    return true;
  };
}

/** Answers with a status, headers and a body. */
export function sends(
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body: string | Uint8Array = "",
): Answer {
  return (_request, response) => void response.writeHead(status, headers).end(body);
}

/** Sends something every so many milliseconds until the client goes away. */
export function trickles(
  start: (response: ServerResponse) => void,
  piece: string | Uint8Array,
  everyMs: number,
): Answer {
  return (_request, response) => {
    start(response);
    const timer = setInterval(() => response.write(piece), everyMs);
    response.on("close", () => clearInterval(timer));
  };
}
