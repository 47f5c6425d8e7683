// @ts-check
// LanceDB's kinds of index over one mixture of clusters, to choose what `compact` makes and how far a search looks:
// seconds to build, milliseconds a query, share of the 10 nearest that are found, and megabytes on disk with the data.
//
//     node bench/lance-indexes.mjs [--rows 100000] [--dim 512] [--queries 200] [--only IVF_FLAT] [--distance l2|cosine]
//         [--partitions N] [--inputs FOLDER]
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect, Index } from "@lancedb/lancedb";
import { openLanceIndex } from "@clip-ts/search/lance";
import { idOf, makeMixture, readRows, readTruth } from "./inputs/mixture.mjs";
import { median } from "./measure/statistics.mjs";

const { values: given } = parseArgs({
  options: {
    rows: { type: "string", default: "100000" },
    dim: { type: "string", default: "512" },
    queries: { type: "string", default: "200" },
    only: { type: "string", default: "" },
    distance: { type: "string", default: "l2" },
    partitions: { type: "string" },
    inputs: { type: "string" },
  },
});
const [rows, dim, queries] = [Number(given.rows), Number(given.dim), Number(given.queries)];
const nearest = 10;
/** As many as `compact` makes, if nothing else is said. */
const partitions = Number(given.partitions ?? Math.round(Math.sqrt(rows) / 2));

/**
 * @typedef {{ readonly probes?: number, readonly refine?: number, readonly ef?: number }} Ask
 * @typedef {{ readonly name: string, readonly config?: () => Index, readonly asks: readonly Ask[] }} Kind
 */

/** Vectors are of length 1, so that squared distances and cosines give one order; `given` says which is asked for. */
const distanceType = /** @type {"l2" | "cosine"} */ (given.distance);
const ivf = { distanceType, numPartitions: partitions };

/** @type {readonly Kind[]} */
const kinds = [
  { name: "none", asks: [{}] },
  { name: "IVF_FLAT", config: () => Index.ivfFlat(ivf), asks: [4, 8, 10, 20, 40].map((probes) => ({ probes })) },
  {
    name: "IVF_RQ",
    config: () => Index.ivfRq(ivf),
    asks: [
      { probes: 8, refine: 5 },
      { probes: 8, refine: 10 },
      { probes: 20, refine: 10 },
    ],
  },
  {
    name: "IVF_PQ",
    config: () => Index.ivfPq({ ...ivf, numSubVectors: Math.ceil(dim / 8) }),
    asks: [{ probes: 8 }, { probes: 8, refine: 10 }, { probes: 20, refine: 10 }],
  },
  {
    name: "IVF_HNSW_SQ",
    config: () => Index.hnswSq({ distanceType }),
    asks: [
      { ef: 100, refine: 2 },
      { ef: 200, refine: 2 },
    ],
  },
];

/** @param {string} folder */
async function megabytesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map((entry) => stat(join(entry.parentPath, entry.name))));
  return sizes.reduce((sum, { size }) => sum + size, 0) / 1e6;
}

/** Seconds by the clock and of processor time, of all threads. @param {() => Promise<unknown>} action */
async function timed(action) {
  const [before, start] = [process.cpuUsage(), performance.now()];
  await action();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

/**
 * @param {import("@lancedb/lancedb").Table} table
 * @param {Float32Array} vector
 * @param {Ask} ask
 */
async function find(table, vector, { probes, refine, ef }) {
  const query = table.query().nearestTo(vector).distanceType(distanceType).select(["id", "_distance"]).limit(nearest);
  if (probes !== undefined) query.nprobes(probes);
  if (refine !== undefined) query.refineFactor(refine);
  if (ef !== undefined) query.ef(ef);
  const answer = await query.toArrow();
  return Array.from({ length: answer.numRows }, (_, row) => String(answer.getChild("id")?.get(row)));
}

const folder = await mkdtemp(join(tmpdir(), "clip-ts-lance-bench-"));
try {
  const mixture = await makeMixture(given.inputs ?? folder, { rows, queries, dim }, console.error);
  const truth = await readTruth(mixture);
  const place = join(folder, "table");
  const filled = await timed(async () => {
    const index = await openLanceIndex({ place, dim, fields: {}, indexFrom: Number.POSITIVE_INFINITY });
    for await (const { first, ...part } of readRows(mixture.file, { first: 0, count: rows, dim })) {
      const ids = Array.from({ length: part.rows }, (_, at) => idOf(first + at));
      await index.add({ ids, vectors: part, fields: ids.map(() => ({})) });
    }
    await index.compact();
    await index.close();
  });
  console.log(
    `${rows} x ${dim}, ${queries} queries; adding ${filled.wall.toFixed(1)} s, cpu ${filled.cpu.toFixed(1)} s\n`,
  );
  console.log("| index | build s | build cpu s | ask | query ms | query cpu ms | recall@10 | disk MB |");
  console.log("| ----- | ------: | ----------: | --- | -------: | -----------: | --------: | ------: |");
  const table = await (await connect(place, { readConsistencyInterval: 0 })).openTable("rows");
  for (const { name, config, asks } of kinds.filter((kind) => kind.name.startsWith(given.only))) {
    const built = await timed(async () => {
      if (config !== undefined) await table.createIndex("vector", { config: config() });
    });
    const megabytes = await megabytesBelow(join(place, "rows.lance"));
    for (const ask of asks) {
      /** @type {number[]} */
      const times = [];
      let hits = 0;
      const all = await timed(async () => {
        for await (const part of readRows(mixture.file, { first: rows, count: queries, dim })) {
          for (let query = 0; query < part.rows; query++) {
            const vector = part.values.subarray(query * dim, (query + 1) * dim);
            const start = performance.now();
            const found = await find(table, vector, ask);
            times.push(performance.now() - start);
            const expected = truth[part.first - rows + query] ?? [];
            hits += found.filter((id) => expected.includes(id)).length;
          }
        }
      });
      const words = Object.entries(ask).map(([key, value]) => `${key} ${value}`);
      const cells = [name, built.wall.toFixed(1), built.cpu.toFixed(1), words.join(", ")];
      cells.push(median(times).toFixed(2), ((1000 * all.cpu) / queries).toFixed(2));
      cells.push((hits / (nearest * queries)).toFixed(4), megabytes.toFixed(0));
      console.log(`| ${cells.join(" | ")} |`);
    }
    if (config !== undefined) await table.dropIndex("vector_idx");
    await table.optimize({ cleanupOlderThan: new Date() });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
