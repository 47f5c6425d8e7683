// @ts-check
// Unit vectors in clusters, as the features of pictures lie; queries near some of them; and the nearest rows of each
// query by comparing it with all. Made once for its settings, the same numbers every time.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { randomStream } from "@clip-ts/base";
import { scoresOf } from "@clip-ts/core";
import { openFile, readJson, writeFileWhole, writeJson } from "@clip-ts/files";

/** @typedef {import("@clip-ts/core").FeatureRows} FeatureRows */

const seed = 20;
const rowsOfCluster = 100;
/** Length of what is added to a centre of length 1: rows of a cluster have cosines of about 1/2. */
const spread = 1;
/** Length of what is added to a row to make a query: a cosine of about 0.96. */
const shift = 0.3;
/** Neighbours that count. */
const nearest = 10;
const rowsAtOnce = 10_000;

/**
 * @typedef {object} Mixture
 * @property {string} file rows, then queries: f32, row-major
 * @property {string} truth ids of the nearest rows by query, as JSON
 */

/**
 * `from` moved by a random direction of a length, and brought back to length 1.
 * @param {import("@clip-ts/base").RandomStream} random
 * @param {Float32Array} from
 * @param {number} length
 */
function moved(random, from, length) {
  // Normal numbers of this deviation have about this length together.
  const deviation = length / Math.sqrt(from.length);
  const row = Float64Array.from(from, (value) => value + deviation * random.normal());
  const norm = Math.hypot(...row);
  return Float32Array.from(row, (value) => value / norm);
}

/**
 * @param {{ rows: number, queries: number, dim: number }} wanted
 * @returns {{ rows: FeatureRows, queries: FeatureRows }}
 */
function draw({ rows, queries, dim }) {
  const random = randomStream(seed, "mixture", rows, dim);
  const zero = new Float32Array(dim);
  const centres = Array.from({ length: Math.ceil(rows / rowsOfCluster) }, () => moved(random, zero, 1));
  const values = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    values.set(moved(random, centres[random.integer(centres.length)] ?? zero, spread), row * dim);
  }
  const asked = new Float32Array(queries * dim);
  for (let query = 0; query < queries; query++) {
    const row = random.integer(rows);
    asked.set(moved(random, values.subarray(row * dim, (row + 1) * dim), shift), query * dim);
  }
  return { rows: { values, rows, dim }, queries: { values: asked, rows: queries, dim } };
}

/** @param {number} row */
export const idOf = (row) => `picture-${String(row).padStart(7, "0")}`;

/**
 * @param {FeatureRows} rows
 * @param {FeatureRows} queries
 */
function nearestRows(rows, queries) {
  return Array.from({ length: queries.rows }, (_, query) => {
    const scores = scoresOf(queries, query, rows);
    const order = Uint32Array.from(scores.keys()).toSorted((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
    return Array.from(order.subarray(0, nearest), idOf);
  });
}

/** @param {Float32Array} values */
const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);

/**
 * Makes the mixture in a folder, if it is not there.
 * @param {string} folder
 * @param {{ rows: number, queries: number, dim: number }} wanted
 * @param {(line: string) => void} note
 * @returns {Promise<Mixture>}
 */
export async function makeMixture(folder, wanted, note) {
  const name = `mixture-${wanted.rows}x${wanted.dim}-${wanted.queries}`;
  const mixture = { file: join(folder, `${name}.f32`), truth: join(folder, `${name}.json`) };
  if (existsSync(mixture.truth)) return mixture;
  note(`making ${wanted.rows} x ${wanted.dim} vectors and comparing ${wanted.queries} queries with all`);
  const { rows, queries } = draw(wanted);
  await mkdir(folder, { recursive: true });
  await writeFileWhole(mixture.file, [bytesOf(rows.values), bytesOf(queries.values)]);
  await writeJson(mixture.truth, nearestRows(rows, queries));
  return mixture;
}

/** @param {Mixture} mixture */
export const readTruth = async ({ truth }) => /** @type {string[][]} */ (await readJson(truth));

/**
 * Rows of the file, some at a time.
 * @param {string} path
 * @param {{ first: number, count: number, dim: number }} part
 * @returns {AsyncGenerator<FeatureRows & { readonly first: number }>}
 */
export async function* readRows(path, { first, count, dim }) {
  const file = await openFile(path);
  for (let row = first; row < first + count; row += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, first + count - row);
    const bytes = await file.read(4 * dim * row, 4 * dim * rows);
    yield { values: new Float32Array(bytes.buffer, bytes.byteOffset, rows * dim), rows, dim, first: row };
  }
  await file.close();
}
