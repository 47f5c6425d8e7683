import { ClipError } from "@clip-ts/base";
import type { EngineStatus } from "./engine.ts";

/**
 * Refuses an engine that does not run here; the message ends with the command that would change it, to be pasted.
 * @throws ClipError "engine-unavailable" with the reason.
 */
export function refuseMissingEngine(status: EngineStatus): void {
  const { name, available, detail, fix } = status;
  if (available) return;
  const remedy = fix === undefined ? "" : ` To fix it: ${fix}`;
  throw new ClipError(
    "engine-unavailable",
    `The engine "${name}" cannot run here: ${detail}.${remedy}`,
    { data: { ...status } },
  );
}
