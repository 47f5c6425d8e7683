// @ts-check
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pnpm } from "../pnpm.mjs";
import { capture, root, tool } from "../run.mjs";
import { verdict } from "./outcome.mjs";
import { workspacePackages } from "./workspace.mjs";

/**
 * Packs every published package as npm would receive it and lets publint and are-the-types-wrong
 * look at the tarballs.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function packages() {
  const folder = join(root, ".test-output", "packed");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const published = workspacePackages().filter(({ isPrivate }) => !isPrivate);
  const selection = published.map(({ name }) => `--filter=${name}`);
  const packed = await capture(
    pnpm(...selection, "--recursive", "pack", "--pack-destination", folder),
  );
  if (!packed.ok) return verdict([packed.output]);

  const problems = [];
  for (const file of readdirSync(folder)) {
    const tarball = join(folder, file);
    for (const judge of [
      tool("publint", tarball, "--strict"),
      tool("attw", tarball, "--profile", "esm-only", "--no-color"),
    ]) {
      const { ok, output } = await capture(judge);
      if (!ok) problems.push(`${file}\n${output}`);
    }
  }
  const count = readdirSync(folder).length;
  if (count !== published.length)
    problems.push(`${published.length} packages made ${count} tarballs.`);
  return verdict(problems);
}
