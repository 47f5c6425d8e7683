// @ts-check
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run.mjs";

/** @typedef {{ folder: string, name: string, version: string, license: string, isPrivate: boolean }} WorkspacePackage */

/**
 * The packages under packages/ and apps/, by folder relative to the root.
 * @returns {WorkspacePackage[]}
 */
export function workspacePackages() {
  const folders = ["packages", "apps"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((child) => `${parent}/${child}`),
  );
  return folders
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
      const { name, version, license, private: isPrivate = false } = manifest;
      return { folder, name, version, license, isPrivate };
    });
}

/** Those of them that are released. */
export function publishedPackages() {
  return workspacePackages().filter(({ isPrivate }) => !isPrivate);
}

/**
 * Files git knows or would add, relative to the root.
 * @param {...string} patterns git pathspecs
 * @returns {string[]}
 */
export function repositoryFiles(...patterns) {
  const flags = ["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--"];
  const listing = execFileSync("git", [...flags, ...patterns], { cwd: root, maxBuffer: 2 ** 26 });
  return listing
    .toString()
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)));
}
