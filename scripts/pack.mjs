// @ts-check
// The published packages as npm would receive them.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { publishedPackages } from "./checks/workspace.mjs";
import { pnpm } from "./pnpm.mjs";
import { capture, root } from "./run.mjs";

/**
 * Packs every published package, which has to be built.
 * @param {string} name of the folder below .test-output, which is emptied first
 * @returns {Promise<{ tarballs: string[], problems: string[] }>}
 */
export async function packPublished(name) {
  const folder = join(root, ".test-output", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const published = publishedPackages();
  const selection = published.map((workspace) => `--filter=${workspace.name}`);
  const packed = await capture(pnpm(...selection, "--recursive", "pack", "--pack-destination", folder));
  if (!packed.ok) return { tarballs: [], problems: [packed.output] };
  const tarballs = readdirSync(folder).map((file) => join(folder, file));
  const isWhole = tarballs.length === published.length;
  const counts = `${published.length} packages made ${tarballs.length} tarballs.`;
  return { tarballs, problems: isWhole ? [] : [counts] };
}
