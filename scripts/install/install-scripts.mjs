// @ts-check
// An installer that fails makes npm give up, unless the package is optional.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Its installer is wrapped in `try` and only prints. */
const cannotFail = new Set(["node_modules/core-js"]);

/**
 * Packages that run a script when they are installed and that npm could not leave out.
 * @param {string} folder in which npm installed
 * @returns {readonly string[]} what is wrong
 */
export function riskyInstallers(folder) {
  const text = readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8");
  /** @type {Record<string, { hasInstallScript?: boolean, optional?: boolean }>} */
  const installed = JSON.parse(text).packages;
  return Object.entries(installed)
    .filter(([path, { hasInstallScript, optional }]) => {
      return hasInstallScript === true && optional !== true && !cannotFail.has(path);
    })
    .map(
      ([path]) => `${path} runs an installer, and npm gives up where it fails: make it optional.`,
    );
}
