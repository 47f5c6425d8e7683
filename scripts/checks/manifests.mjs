// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run.mjs";
import { publishedPackages } from "./workspace.mjs";

const home = "https://github.com/clip-ts/clip-ts";

/** Keywords that lead to any of the packages; each needs more of its own. */
const common = new Set(["clip", "tensorflow.js", "typescript"]);
const ownKeywords = 3;

/**
 * Peers that must be one exact version: docs/decisions/0008-tfjs-versions.md says why. All others of tfjs are
 * ranges, so that a program may bring a later one.
 */
const exactPeers = new Map([["@clip-ts/engines", /^@tensorflow\/tfjs-(?:node|node-gpu|backend-webgpu)$/u]]);

/**
 * Whether keywords lead to this package and not only to all of them.
 * @param {readonly string[]} keywords
 */
function areTelling(keywords) {
  const own = keywords.filter((word) => !common.has(word));
  const isUnique = new Set(keywords).size === keywords.length;
  return keywords.includes("clip") && own.length >= ownKeywords && isUnique;
}

/**
 * What is wrong with how one package presents itself on npm.
 * @param {string} folder
 * @returns {string[]}
 */
function presentation(folder) {
  const { name, homepage, bugs, keywords = [], description = "" } = manifestOf(folder);
  const wanted = name === "clip-ts" ? `${home}#readme` : `${home}/tree/main/${folder}#readme`;
  const faults = {
    [`"homepage" must be "${wanted}"`]: homepage !== wanted,
    [`"bugs.url" must be "${home}/issues"`]: bugs?.url !== `${home}/issues`,
    '"description" is missing': description === "",
    [`"keywords" need "clip" and ${ownKeywords} of the package's own, none twice`]: !areTelling(keywords),
    "README.md is missing": !existsSync(join(root, folder, "README.md")),
  };
  return Object.keys(faults).filter((fault) => faults[fault]);
}

/**
 * Peers of tfjs that shut out later versions without need.
 * @param {string} folder
 * @returns {string[]}
 */
function peers(folder) {
  const { name, peerDependencies = {} } = manifestOf(folder);
  return Object.entries(peerDependencies)
    .filter(([peer]) => peer.startsWith("@tensorflow/") && exactPeers.get(name)?.test(peer) !== true)
    .filter(([, range]) => !range.startsWith("^"))
    .map(([peer, range]) => `peer ${peer} must be a range such as "^${range}", not "${range}"`);
}

/** @param {string} folder */
const manifestOf = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));

/**
 * How the published packages present themselves, and which tfjs they accept.
 * @returns {string[]} problems
 */
export function manifests() {
  return publishedPackages().flatMap(({ folder }) =>
    [...presentation(folder), ...peers(folder)].map((problem) => `${folder}: ${problem}.`),
  );
}
