// @ts-check
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder for what the sides read; removed when this process ends, however it ends.
 * @returns {string}
 */
export function openWorkspace() {
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const [signal, code] of /** @type {const} */ ([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])) {
    process.on(signal, () => process.exit(code));
  }
  return folder;
}
