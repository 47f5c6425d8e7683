// @ts-check
// Two folders of results: losses and tensors bit for bit, graphs operation by operation.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readTensors } from "./tensors.mjs";

/** @typedef {{ what: string, largest?: number }} Difference how far apart, relative, if numbers can say */

/** @param {string} folder @returns {string[]} files below it, by their path within it */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

/** Largest distance of two rows of numbers by the largest of them. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
function distance(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [apart, size] = [0, 0];
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0];
    size = Math.max(size, Math.abs(x), Math.abs(y));
    const gap = Math.abs(x - y);
    apart = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(apart, gap);
  }
  return size === 0 ? 0 : apart / size;
}

/** @param {string} file @returns {number[]} */
const lossesOf = (file) =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).loss);

/** @param {string} name @param {string} a @param {string} b @returns {Difference[]} */
function compareTensors(name, a, b) {
  const [one, other] = [readTensors(readFileSync(a)), readTensors(readFileSync(b))];
  const names = [...new Set([...one.keys(), ...other.keys()])];
  return names.flatMap((tensor) => {
    const [first, second] = [one.get(tensor), other.get(tensor)];
    if (first === undefined || second === undefined) {
      return [{ what: `${name}: ${tensor} is in one of them only` }];
    }
    if (Buffer.compare(first.bytes, second.bytes) === 0) return [];
    return [{ what: `${name}: ${tensor}`, largest: distance(first.values, second.values) }];
  });
}

/** How often each operation stands in a graph's text. @param {string} text */
function operations(text) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const [, op = ""] of text.matchAll(/^.* = (\w+)/gm)) counts.set(op, (counts.get(op) ?? 0) + 1);
  return counts;
}

/** @param {string} name @param {string} a @param {string} b @returns {Difference} */
function compareGraphs(name, a, b) {
  const [one, other] = [operations(a), operations(b)];
  const changed = [...new Set([...one.keys(), ...other.keys()])]
    .filter((op) => one.get(op) !== other.get(op))
    .map((op) => `${op} ${one.get(op) ?? 0} -> ${other.get(op) ?? 0}`);
  const lines = [a, b].map((text) => text.split("\n"));
  const at = lines[0]?.findIndex((line, index) => line !== lines[1]?.[index]) ?? -1;
  const where = `first at line ${at + 1}: ${lines[0]?.[at] ?? ""} | ${lines[1]?.[at] ?? ""}`;
  return { what: `${name}: ${changed.join(", ") || "the same operations"}; ${where}` };
}

/** @param {string} name @param {string} a @param {string} b @returns {Difference[]} */
function compareFile(name, a, b) {
  const [one, other] = [readFileSync(a), readFileSync(b)];
  if (Buffer.compare(one, other) === 0) return [];
  if (name.endsWith("metrics.jsonl")) {
    const largest = distance(lossesOf(a), lossesOf(b));
    return largest === 0 ? [] : [{ what: `${name}: losses`, largest }];
  }
  if (name.endsWith(".safetensors")) return compareTensors(name, a, b);
  if (name.startsWith("graphs/")) return [compareGraphs(name, one.toString(), other.toString())];
  return [{ what: `${name}: other bytes` }];
}

/** Files that hold times or folders, and say nothing of numbers. */
const isNoResult = (/** @type {string} */ name) =>
  /(report\.html|config(-given)?\.yaml|state\.json|sessions\.jsonl|latest.*)$/.test(name) || name.includes("README");

/**
 * @param {string} a
 * @param {string} b
 * @returns {Difference[]}
 */
export function compareFolders(a, b) {
  const [one, other] = [new Set(filesBelow(a)), new Set(filesBelow(b))];
  return [...new Set([...one, ...other])]
    .filter((name) => !isNoResult(name))
    .flatMap((name) => {
      if (one.has(name) && other.has(name)) return compareFile(name, join(a, name), join(b, name));
      return [{ what: `${name}: in ${one.has(name) ? "the first" : "the second"} only` }];
    });
}
