// @ts-check
// The published packages as npm would receive them. `node scripts/pack.mjs` packs them into .test-output/packed, from
// a fresh clone too.
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publishedPackages } from "./checks/workspace.mjs";
import { pnpm } from "./pnpm.mjs";
import { capture, root } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  requireNode();
  if (!(await install()) || !(await build())) process.exit(1);
  const { tarballs, problems } = await packPublished("packed");
  for (const problem of problems) console.error(problem);
  console.log(`${tarballs.length} packages are in .test-output/packed.`);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
