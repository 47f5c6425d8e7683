// @ts-check
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run.mjs";
import { verdict } from "./outcome.mjs";
import { repositoryFiles, workspacePackages } from "./workspace.mjs";

const forbidden = [
  {
    what: "the address of a package registry",
    pattern: /registry\.(?:npmjs|yarnpkg)|pypi\.org|pythonhosted/u,
  },
  {
    what: "a path of somebody's machine",
    pattern: /(?<![\w.~@-])\/(?:home|root|tmp|Users|work)\/[\w.-]/u,
  },
  {
    what: "a program started through a shell, which takes apart paths with blanks (run it by itself)",
    pattern: /\bshell: (?!false)/u,
  },
  {
    what: "a file's path taken from an address (fileURLToPath gives it, with blanks and on Windows too)",
    pattern: /(?:import\.meta\.url|new URL\((?![^)]*https?:)[^)]*)\)\.pathname/u,
  },
];

const binary = /\.(?:png|jpe?g|webp|gif|ico|bin|npy|npz|gz|safetensors|wasm|woff2)$/u;

/** @param {string} path */
function lookFor(path) {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  return lines.flatMap((line, index) =>
    forbidden
      .filter(({ pattern }) => pattern.test(line))
      .map(({ what }) => `${path}:${index + 1} holds ${what}: ${line.trim().slice(0, 120)}`),
  );
}

/**
 * Nothing in the repository depends on one machine or one registry, and every package says under
 * which licence it is.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function hygiene() {
  const texts = repositoryFiles().filter((path) => !binary.test(path));
  const unlicensed = workspacePackages().filter(({ license }) => license !== "MIT");
  return verdict([
    ...texts.filter((path) => path !== "scripts/checks/hygiene.mjs").flatMap(lookFor),
    ...unlicensed.map(({ folder }) => `${folder}/package.json must say "license": "MIT".`),
  ]);
}
