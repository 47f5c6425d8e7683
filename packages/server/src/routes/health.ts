import type { Handler } from "hono";
import type { Parts } from "../parts.ts";

/** GET /health: 200, or 503 with the reason. */
export function healthRoute({ probe, name, model, index }: Parts): Handler {
  return async (context) => {
    const { isWell, reason } = await probe.check();
    if (!isWell) return context.json({ status: "failing", reason }, 503);
    return context.json({ status: "ok", model: name, engine: model.engine.name, index: index !== undefined });
  };
}
