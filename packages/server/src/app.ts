import { Hono, type Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { guard, type GuardOptions } from "./guard.ts";
import { openApiDocument } from "./openapi.ts";
import type { Parts } from "./parts.ts";
import { answerOf, refusal } from "./refusals.ts";
import { classifyRoute } from "./routes/classify.ts";
import { embeddingsRoute } from "./routes/embeddings.ts";
import { healthRoute } from "./routes/health.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { modelsRoute } from "./routes/models.ts";
import { searchRoute } from "./routes/search.ts";

/** The web application. */
export interface App {
  fetch(request: Request): Promise<Response>;
  /** Requests that are not answered yet. */
  inFlight(): number;
}

const posts = { "/v1/embeddings": embeddingsRoute, "/v1/classify": classifyRoute, "/v1/search": searchRoute };
const gets = { "/v1/models": modelsRoute, "/health": healthRoute, "/metrics": metricsRoute };

function addRoutes(app: Hono, parts: Parts): ReadonlySet<string> {
  const document = openApiDocument({ hasIndex: parts.index !== undefined });
  for (const [path, route] of Object.entries(posts)) app.post(path, route(parts));
  for (const [path, route] of Object.entries(gets)) app.get(path, route(parts));
  app.get("/openapi.json", (context) => context.json(document));
  for (const [paths, allow] of [
    [Object.keys(posts), "POST"],
    [[...Object.keys(gets), "/openapi.json"], "GET, HEAD"],
  ] as const) {
    for (const path of paths) {
      app.all(path, () => {
        throw refusal(405, `Expected ${allow}.`, { code: "method_not_allowed", headers: { allow } });
      });
    }
  }
  return new Set([...Object.keys(posts), ...Object.keys(gets), "/openapi.json"]);
}

function answerError(context: Context, error: unknown, onError: (error: unknown) => void): Response {
  const { status, headers, body, isUnexpected } = answerOf(error);
  if (isUnexpected) onError(error);
  // 499 is what proxies note of a client that went away; nobody reads it.
  return context.json(body, status as ContentfulStatusCode, { ...headers });
}

/** Puts routes, guards and counts together. */
export function createApp(parts: Parts, access: GuardOptions, onError: (error: unknown) => void): App {
  const app = new Hono();
  let inFlight = 0;
  guard(app, access);
  const known = addRoutes(app, parts);
  app.notFound((context) =>
    answerError(
      context,
      refusal(404, "There is nothing here; GET /openapi.json lists what there is.", { code: "not_found" }),
      onError,
    ),
  );
  app.onError((error, context) => answerError(context, error, onError));
  return {
    inFlight: () => inFlight,
    async fetch(request) {
      const start = performance.now();
      inFlight++;
      try {
        const response = await app.fetch(request);
        const { pathname: path } = new URL(request.url);
        const seconds = (performance.now() - start) / 1000;
        parts.metrics.request(known.has(path) ? path : "other", response.status, seconds);
        return response;
      } finally {
        inFlight--;
      }
    },
  };
}
