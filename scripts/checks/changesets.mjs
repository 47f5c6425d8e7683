// @ts-check
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { capture, root, tool } from "../run.mjs";
import { verdict } from "./outcome.mjs";
import { publishedPackages } from "./workspace.mjs";

/**
 * The packages one changeset names, or what is wrong with it.
 * @param {string} file
 * @param {ReadonlySet<string>} known
 */
function readChangeset(file, known) {
  const text = readFileSync(join(root, ".changeset", file), "utf8");
  const [, frontMatter, summary] = /^---\n([\s\S]*?)\n---\n([\s\S]*)$/u.exec(text) ?? [];
  if (frontMatter === undefined || (summary ?? "").trim() === "") {
    return {
      names: [],
      problems: [`${file} needs front matter between --- lines and a sentence.`],
    };
  }
  const entries = frontMatter.split("\n").map((line) => /^"?([^":]+)"?: (major|minor|patch)$/u.exec(line));
  const names = entries.map((entry) => entry?.[1] ?? "");
  const problems = names
    .filter((name) => !known.has(name))
    .map((name) => `${file} names ${name === "" ? "no package on one line" : `"${name}", not a published package`}.`);
  return { names, problems };
}

/**
 * Every changeset can be read and names published packages; a package never released is named by one;
 * and where git knows the base branch, a changed package has one.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function changesets() {
  const published = publishedPackages();
  const known = new Set(published.map(({ name }) => name));
  const files = readdirSync(join(root, ".changeset")).filter((file) => file.endsWith(".md") && file !== "README.md");
  const read = files.map((file) => readChangeset(file, known));
  const named = new Set(read.flatMap(({ names }) => names));
  const unnamed = published.filter(({ name, version }) => version === "0.0.0" && !named.has(name));
  const problems = [
    ...read.flatMap((changeset) => changeset.problems),
    ...unnamed.map(({ name }) => `${name} was never released and no changeset names it.`),
  ];
  const base = await capture(["git", "rev-parse", "--verify", "--quiet", "main"]);
  if (base.ok && problems.length === 0) {
    const status = await capture(tool("changeset", "status"));
    if (!status.ok) problems.push(status.output);
  }
  return verdict(problems);
}
