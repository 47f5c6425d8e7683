import { setMaxListeners } from "node:events";
import type { Context, Handler } from "hono";
import type { z } from "zod";
import { parseBody, readBody } from "./body.ts";
import type { Parts } from "./parts.ts";
import { refusal } from "./refusals.ts";
import { validated } from "./validate.ts";

/** A request with a body, read and checked. */
export interface Work<Body> {
  readonly body: Body;
  /** Aborted when the client is gone or its time is up. */
  readonly signal: AbortSignal;
}

/** A body that is no JSON, brought into the form of one. */
export type ReadOther<Body> = (bytes: Uint8Array, context: Context) => Body | undefined;

/** What a route with a body does. */
interface WorkOptions<Body> {
  readonly schema: z.ZodType<Body>;
  /** Reads bodies of other types; undefined for what is to be read as JSON. */
  readonly readOther?: ReadOther<Body>;
  readonly run: (work: Work<Body>) => Promise<object>;
}

function checkModel(body: unknown, name: string): void {
  const { model } = body as { readonly model?: string };
  if (model === undefined || model === name) return;
  throw refusal(404, `The model "${model.slice(0, 200)}" is not served here: it is "${name}".`, {
    code: "model_not_found",
    param: "model",
  });
}

/**
 * A handler that reads a body, checks it and answers JSON, within the deadline, which counts from the request's head: Node
 * calls handlers before bodies come. Too many requests at a time are refused before their bodies are read.
 */
export function working<Body>(parts: Parts, { schema, readOther, run }: WorkOptions<Body>): Handler {
  const { deadline } = parts.limits;
  return async (context) => {
    const leave = parts.requests.take(1);
    const request = context.req.raw;
    const control = new AbortController();
    const { signal } = control;
    setMaxListeners(0, signal); // one for each input
    const timer = setTimeout(() => {
      parts.metrics.rejected("deadline");
      const message = `The request was not answered within ${deadline / 1000} s: the server is busy.`;
      control.abort(refusal(503, message, { code: "deadline", headers: { "retry-after": "5" } }));
    }, deadline);
    const onGone = (): void => {
      parts.metrics.dropped();
      control.abort(refusal(499, "The client is gone.", { code: "client_gone" }));
    };
    request.signal.addEventListener("abort", onGone, { once: true });
    try {
      const read = await readBody(request, parts.bodies, signal);
      try {
        const other = readOther?.(read.bytes, context);
        const given = other ?? parseBody(read.bytes, request.headers.get("content-type"));
        const body = validated(schema, given);
        checkModel(body, parts.name);
        return context.json(await run({ body, signal }));
      } finally {
        read.done();
      }
    } finally {
      leave();
      clearTimeout(timer);
      request.signal.removeEventListener("abort", onGone);
    }
  };
}
