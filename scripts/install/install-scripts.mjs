// @ts-check
// An installer that fails makes npm give up, unless the package is optional.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Packages that run a script when they are installed and that npm could not leave out, but for those that the
 * reader chose.
 * @param {string} folder in which npm installed
 * @param {readonly string[]} named packages of the install line, with or without a version
 * @returns {readonly string[]} what is wrong
 */
export function riskyInstallers(folder, named) {
  const text = readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8");
  /** @type {Record<string, { hasInstallScript?: boolean, optional?: boolean }>} */
  const installed = JSON.parse(text).packages;
  const chosen = new Set(named.map((name) => `node_modules/${name.replace(/(?<=.)@[^@/]*$/u, "")}`));
  return Object.entries(installed)
    .filter(([path, { hasInstallScript, optional }]) => {
      const isLeft = optional === true || chosen.has(path);
      return hasInstallScript === true && !isLeft;
    })
    .map(([path]) => `${path} runs an installer, and npm gives up where it fails: make it optional.`);
}
