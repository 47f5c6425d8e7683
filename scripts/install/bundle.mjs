// @ts-check
// A browser package's example as part of a page: Vite finds everything it imports and makes files of it.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { capture, root } from "../run.mjs";

/** @typedef {import("./managers.mjs").Place} Place */

const vite = join(root, "apps", "demo", "node_modules", "vite", "bin", "vite.js");

/**
 * Bundles a compiled example.
 * @param {Place} place
 * @returns {Promise<readonly string[]>} what is wrong
 */
export async function bundleExample(place) {
  const page = '<!doctype html><script type="module" src="/example.js"></script>';
  writeFileSync(join(place.folder, "index.html"), page);
  const target = ["--target", "esnext"]; // the example waits at its top level
  const { ok, output } = await capture([process.execPath, vite, "build", ...target], place);
  const isWritten = existsSync(join(place.folder, "dist", "index.html"));
  return ok && isWritten ? [] : [`vite build\n${output}`];
}
