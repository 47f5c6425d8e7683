import type { Handler } from "hono";
import type { Parts } from "../parts.ts";

/** GET /metrics, for Prometheus. */
export function metricsRoute({ metrics }: Parts): Handler {
  return async (context) => context.body(await metrics.text(), 200, { "content-type": metrics.contentType });
}
