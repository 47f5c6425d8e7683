// @ts-check
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { startRegistry } from "../install/registry.mjs";
import { pnpm } from "../pnpm.mjs";
import { capture, root, tool } from "../run.mjs";
import { verdict } from "./outcome.mjs";
import { publishedPackages } from "./workspace.mjs";

/** What a release reads: manifests, what is published, how changes are told. Nothing is linked. */
const places = [
  "package.json",
  "pnpm-workspace.yaml",
  "LICENSE",
  ".changeset",
  "scripts",
  "packages",
  "apps",
  "examples",
  "bench",
];
const leftOut = new Set(["node_modules", "src", "fixtures", ".turbo", ".test-output", ".venv"]);

/** @param {string} folder */
function copyInto(folder) {
  for (const place of places) {
    cpSync(join(root, place), join(folder, place), {
      recursive: true,
      filter: (path) => !leftOut.has(basename(path)),
    });
  }
}

/**
 * Files that a package's manifest promises.
 * @param {{ bin?: Record<string, string>, exports?: Record<string, any> }} manifest
 * @returns {string[]}
 */
function promised({ bin = {}, exports = {} }) {
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === "string" ? [target] : [target.types, target.default],
  );
  const files = [...Object.values(bin), ...targets].filter((target) => target !== undefined);
  return ["package.json", "README.md", "LICENSE", ...files.map((path) => path.replace("./", ""))];
}

/**
 * What is wrong with one package of the release.
 * @param {string} folder of the package, in the copy
 * @param {string} version that all must have
 * @param {{ version: string, files: { path: string }[] } | undefined} packed
 * @returns {string[]}
 */
function faultsOf(folder, version, packed) {
  if (packed === undefined) return ["it would not be published"];
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const names = new Set(packed.files.map(({ path }) => path));
  const changelog = join(folder, "CHANGELOG.md");
  const text = existsSync(changelog) ? readFileSync(changelog, "utf8") : "";
  const told = text.split(/^## /mu).some((part) => part.startsWith(`${version}\n`));
  return [
    ...(packed.version === version ? [] : [`it would be ${packed.version}, not ${version}`]),
    ...(told ? [] : [`CHANGELOG.md has no part for ${version}`]),
    ...promised(manifest)
      .filter((path) => !names.has(path))
      .map((path) => `${path} would not be published`),
  ];
}

/**
 * `changeset version` and `pnpm publish --dry-run` in a folder, and what is wrong with their results.
 * @param {string} folder
 * @returns {Promise<string[]>}
 */
async function rehearse(folder) {
  const versioned = await capture(tool("changeset", "version"), { folder });
  if (!versioned.ok) return [versioned.output];
  const left = readdirSync(join(folder, ".changeset")).filter((file) => file.endsWith(".md"));
  const publish = ["--recursive", "publish", "--dry-run", "--no-git-checks", "--json"];
  const registry = await startRegistry([]); // knows no package, as npm's before the first release
  const published = await capture(pnpm(...publish, "--registry", registry.address), { folder });
  registry.close();
  const list = /^\[[\s\S]*^\]/mu.exec(published.output)?.[0];
  if (!published.ok || list === undefined) return [published.output];
  const packed = new Map(JSON.parse(list).map((/** @type {{ name: string }} */ entry) => [entry.name, entry]));
  const expected = publishedPackages();
  const names = new Set(expected.map(({ name }) => name));
  const version = packed.get("clip-ts")?.version;
  return [
    ...left.map((file) => `.changeset/${file} was not used.`),
    ...[...packed.keys()].filter((name) => !names.has(name)).map((name) => `${name} is private.`),
    ...expected.flatMap((one) =>
      faultsOf(join(folder, one.folder), version, packed.get(one.name)).map((fault) => `${one.name}: ${fault}.`),
    ),
  ];
}

/**
 * The next release, rehearsed in a copy: changesets give every published package the same new version and
 * a changelog, and pnpm would publish each with all that its manifest promises. Without a network.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function release() {
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-release-"));
  try {
    copyInto(folder);
    return verdict(await rehearse(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
