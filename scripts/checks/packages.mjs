// @ts-check
import { basename } from "node:path";
import { packPublished } from "../pack.mjs";
import { capture, tool } from "../run.mjs";
import { verdict } from "./outcome.mjs";

/**
 * Packs every published package as npm would receive it and lets publint and are-the-types-wrong
 * look at the tarballs.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function packages() {
  const { tarballs, problems } = await packPublished("packed");
  for (const tarball of tarballs) {
    for (const judge of [
      tool("publint", tarball, "--strict"),
      tool("attw", tarball, "--profile", "esm-only", "--no-color"),
    ]) {
      const { ok, output } = await capture(judge);
      if (!ok) problems.push(`${basename(tarball)}\n${output}`);
    }
  }
  return verdict(problems);
}
