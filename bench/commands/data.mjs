// @ts-check
// Pairs in tars made ready for a model: reading, decoding, cropping, tokenising, and whole batches.
import { interleave, startSides } from "../measure/rounds.mjs";
import { commandLine } from "../options.mjs";
import { idleNote, versionNotes } from "../report/notes.mjs";
import { dataRows } from "../report/data-rows.mjs";
import { makeShards, pictureSizes } from "../inputs/make-shards.mjs";
import { dataTargets } from "./data-targets.mjs";
import { roundsOf } from "./run.mjs";
import { nodeSide, pythonSide } from "./sides.mjs";

/**
 * @typedef {import("./run.mjs").Run} Run
 * @typedef {import("../measure/rounds.mjs").Timing} Timing
 * @typedef {import("../inputs/make-shards.mjs").PictureSize} PictureSize
 * @typedef {object} Measured one part of the work on pictures of one size, by all sides
 * @property {string} size
 * @property {string} part
 * @property {number} threads
 * @property {number} count images or captions a round
 * @property {readonly Timing[]} timings
 */

/** A crop keeps 90 to 100 % of the area, as open_clip trains. */
const scale = [0.9, 1];

/** Images a round for cropping, for reading and in whole batches, so that sizes take about the same time. */
const counts = /** @type {const} */ ({
  "256-350": { count: 512, readCount: 2000, streamCount: 1024 },
  "640-800": { count: 128, readCount: 400, streamCount: 384 },
  1200: { count: 64, readCount: 300, streamCount: 192 },
});
const quickCounts = { count: 16, readCount: 32, streamCount: 64 };

/** libuv has four threads where nothing is said, and images are decoded on them. @param {number} threads */
const decodingThreads = (threads) => ({ UV_THREADPOOL_SIZE: String(threads + 4) });

/** Who does what; what is the same for all sizes is done on the smallest. */
const parts = /** @type {const} */ ([
  { part: "read", counted: "readCount", sides: ["clip-ts", "tar-stream, sharp"], isOnOne: true, isForAll: true },
  {
    part: "decode",
    counted: "count",
    sides: ["clip-ts", "tar-stream, sharp", "open_clip"],
    isOnOne: false,
    isForAll: true,
  },
  {
    part: "crop",
    counted: "count",
    sides: ["clip-ts", "clip-ts exact", "tar-stream, sharp", "open_clip"],
    isOnOne: false,
    isForAll: true,
  },
  { part: "tokenize", counted: "readCount", sides: ["clip-ts", "open_clip"], isOnOne: false, isForAll: false },
  { part: "stream", counted: "streamCount", sides: ["clip-ts", "python loader"], isOnOne: false, isForAll: true },
]);

/**
 * @param {Run} run
 * @param {PictureSize} size
 */
async function sidesFor(run, size) {
  const { quick, pairs, inputs, threads } = run.options;
  const wanted = quick ? { size, pairs, pictures: 8, shard: 32 } : size === "256-350" ? { size, pairs } : { size };
  const { pattern } = await makeShards(inputs ?? run.workspace, wanted, run.note);
  const work = quick ? quickCounts : counts[size];
  const options = { pattern, ...work, size: 224, scale };
  const environment = decodingThreads(threads);
  const specs = [
    { ...nodeSide("clip-ts", "data-clip-ts.mjs", { ...options, mode: "fast" }), environment },
    { ...nodeSide("clip-ts exact", "data-clip-ts.mjs", { ...options, mode: "exact" }), environment },
    { ...nodeSide("tar-stream, sharp", "data-sharp.mjs", options), environment },
    ...(await pythonSide(run, { name: "open_clip", words: ["data_side.py", "transform"], options })),
    ...(await pythonSide(run, { name: "python loader", words: ["data_side.py", "loader"], options })),
  ];
  return { specs, work };
}

/**
 * All parts on pictures of one size.
 * @param {Run} run
 * @param {PictureSize} size
 */
async function measure(run, size) {
  const { threads } = run.options;
  const { specs, work } = await sidesFor(run, size);
  const sides = await startSides(specs, run.note);
  /** @type {Measured[]} */
  const measured = [];
  let idleShare = 0;
  const now = parts.filter(({ isForAll }) => isForAll || size === "256-350");
  for (const { part, sides: names, counted, isOnOne } of now) {
    const taking = sides.filter(({ name }) => /** @type {readonly string[]} */ (names).includes(name));
    for (const used of isOnOne || threads === 1 ? [1] : [1, threads]) {
      run.note(`${size} px, ${part}, ${used} threads`);
      const request = { part, threads: used };
      const { timings, idleShare: share } = await interleave(taking, { ...roundsOf(run), request });
      measured.push({ size, part, threads: used, count: work[counted], timings });
      idleShare = Math.max(idleShare, share);
    }
  }
  await Promise.all(sides.map((side) => side.close()));
  return { measured, idleShare };
}

/** @param {readonly Timing[]} timings */
const once = (timings) => [...new Map(timings.map((timing) => [timing.name, timing])).values()];

/**
 * What becomes of pairs in tars before a model sees them, by pictures' size; then the targets.
 * @param {Run} run
 */
export async function benchData(run) {
  const { rounds } = run.options;
  /** @type {Measured[]} */
  const all = [];
  for (const size of pictureSizes) {
    const { measured, idleShare } = await measure(run, size);
    all.push(...measured);
    run.publish({
      command: commandLine("data", run.options),
      title: `Data, pictures of ${size} px to 224 x 224`,
      setting: `medians of ${rounds} interleaved rounds`,
      rows: dataRows(measured),
      notes: [
        "per core: images or captions for a second of processor time, all threads and processes; " +
          "clip-ts is: how many times as many per core as this side.",
        "crop: decode, random crop, resize, flip; stream: whole batches of 64 from the tars, without a model.",
        ...versionNotes(once(measured.flatMap(({ timings }) => timings))),
        idleNote(idleShare),
      ],
    });
  }
  run.publish({
    command: commandLine("data", run.options),
    title: "Targets of data",
    setting: `medians of ${rounds} interleaved rounds`,
    rows: dataTargets(all),
    notes: ["Crops are compared per core, in the run with one thread."],
  });
  return { measured: all, agreement: { holds: true } };
}
