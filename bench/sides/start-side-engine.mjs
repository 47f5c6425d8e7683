// @ts-check
import { startEngine } from "@clip-ts/engines";

/**
 * Starts the engine that a side runs on.
 * @param {Record<string, any>} options
 */
export function startSideEngine({ engine, threads, precision, dtype }) {
  return startEngine(engine, { threads, precision, dtype });
}
