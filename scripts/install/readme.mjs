// @ts-check
// What a package's README tells its reader to do.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run.mjs";

/**
 * @typedef {object} Readme
 * @property {readonly string[]} installed what the install line installs; empty where there is none
 * @property {string | undefined} code the first ts block
 * @property {readonly (readonly string[])[]} commands words after `npx` of the lines beside the install line
 */

/**
 * @param {string} text
 * @param {string} language
 */
const firstBlock = (text, language) => new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "mu").exec(text)?.[1];

/**
 * Reads the README of a package.
 * @param {string} folder relative to the root
 * @returns {Readme}
 */
export function readReadme(folder) {
  const path = join(root, folder, "README.md");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const lines = (firstBlock(text, "sh") ?? "").split("\n").map((line) => line.split("#")[0] ?? "");
  /** @param {string} start */
  const after = (start) =>
    lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length).trim().split(/\s+/u));
  return {
    installed: after("npm install ")[0] ?? [],
    code: firstBlock(text, "ts"),
    commands: after("npx "),
  };
}
