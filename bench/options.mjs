// @ts-check
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * @typedef {object} Options
 * @property {string} model
 * @property {number} batch
 * @property {number} tokens
 * @property {"f32" | "bf16"} precision
 * @property {boolean} isPrecisionGiven
 * @property {readonly string[] | undefined} engines nothing: those that compile and are there
 * @property {readonly string[]} peers
 * @property {number} threads
 * @property {number} rounds
 * @property {number} warmup
 * @property {string | undefined} against the revision that this tree's training is compared with
 * @property {number} starts processes of each side whose build counts, in such a comparison
 * @property {string | undefined} trained a model of the quickstart
 * @property {string | undefined} python
 * @property {number} pairs of the set in tars
 * @property {number} steps of a round of training from data
 * @property {number} rows of the mixture that is searched
 * @property {number} queries that each index is asked
 * @property {number} dim values of a vector
 * @property {readonly string[] | undefined} stores nothing: all kinds of index
 * @property {string} launcher what starts ranks, without their number
 * @property {readonly number[]} links Gbit/s of networks that a prediction is made for
 * @property {string | undefined} inputs where sets in tars are kept; the run's own folder where nothing is said
 * @property {boolean} quick
 * @property {string | undefined} record the file that results are added to
 * @property {readonly string[]} words that said all this, without the command
 */

/** Everything that runs beside clip-ts. */
export const allPeers = ["open_clip", "transformers.js", "tfjs-node"];

export const usage = `Usage: pnpm bench COMMAND [options]

Times clip-ts and its peers interleaved on the same inputs, in one run.

Commands:
  train       a full training step: both towers, loss, clipping, AdamW; with
              --against, this tree beside another revision's instead of the peers
  infer       embedding images, and texts
  dtypes      embedding with weights of 32, 16 and 8 bits: speed, size, accuracy
  tokenize    captions to ids
  preprocess  images to normalised pixels
  data        pairs in tars: reading, decoding, cropping, tokenising, batches
  data-train  steps of training from tars beside the same from ready batches
  data-memory memory while a set in tars is read
  browser     embedding pictures in Chromium, on each engine of a page
  ranks       steps of two ranks over MPI beside those of two processes
  scaling     a step here, and what the formula of docs/scaling.md makes of it
  search      vector indexes: building, asking, what is found, disk, memory
  table       every row of the table of targets, one after another

Options:
  --model NAME          a built-in size (ViT-B/32; browser: small)
  --batch N             pairs, images or texts at once (16; browser: 64)
  --tokens N            width of a row of ids: 16 for real captions, 77 for all
                        that the model reads (16)
  --precision f32|bf16  of matmuls (f32)
  --engines A,B         engines of clip-ts (tensorflow, if there, and onnx)
  --peers A,B           ${allPeers.join(",")} (all)
  --threads N           for every side (one for each core; ranks: 1)
  --rounds N            runs of each side that count (9)
  --warmup N            runs before that (2)
  --against REVISION    train: a git revision, laid out and built beside this tree;
                        each engine in f32 and, where the processor has its
                        matmuls, tensorflow in bf16
  --starts N            of each side with --against; their median build counts (3)
  --pairs N             data: pairs of the set in tars (100000)
  --steps N             data-train: steps of a round (20)
  --launcher WORDS      ranks: "mpirun.openmpi --oversubscribe", say (mpirun)
  --links A,B           scaling: Gbit/s of networks (1,10,25,100)
  --rows N, --dim N     search: vectors and their values (100000, 512)
  --queries N           search: asked one at a time (200)
  --stores A,B          search: kinds of index ("flat f32", "flat int8", lance)
  --inputs FOLDER       data, search: where what they read is kept and used again
                        (in the system's folder for temporary files)
  --trained FOLDER      dtypes: a model trained by the quickstart, whose answers are counted
  --python PATH         an interpreter with PyTorch and open_clip, instead of one
                        made in bench/.venv
  --record              add the results to bench/results.md
  --record-to FILE      add them to another file
  --quick               a tiny model and few rounds: does everything run?
  -h, --help            show this help
`;

/** A mistake in the words on the command line. */
export class UsageError extends Error {}

const resultsFile = new URL("results.md", import.meta.url);

/** @param {string} text */
const listOf = (text) => text.split(",").map((name) => name.trim());

/**
 * @param {string} name
 * @param {string} text
 */
function wholeNumber(name, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new UsageError(`--${name} ${text}: expected a whole number.`);
}

/**
 * @param {string} text
 * @returns {"f32" | "bf16"}
 */
function precisionOf(text) {
  if (text === "f32" || text === "bf16") return text;
  throw new UsageError(`--precision ${text}: expected f32 or bf16.`);
}

/** @param {string} text */
function peersOf(text) {
  const peers = text === "" ? [] : listOf(text);
  const unknown = peers.find((peer) => !allPeers.includes(peer));
  if (unknown === undefined) return peers;
  throw new UsageError(`--peers ${unknown}: there are ${allPeers.join(", ")}.`);
}

/** @param {readonly string[]} words */
function parse(words) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        model: { type: "string" },
        batch: { type: "string" },
        tokens: { type: "string" },
        precision: { type: "string" },
        engines: { type: "string" },
        peers: { type: "string", default: allPeers.join(",") },
        threads: { type: "string" },
        launcher: { type: "string" },
        links: { type: "string" },
        rounds: { type: "string" },
        warmup: { type: "string" },
        against: { type: "string" },
        starts: { type: "string" },
        pairs: { type: "string" },
        steps: { type: "string" },
        rows: { type: "string" },
        queries: { type: "string" },
        dim: { type: "string" },
        stores: { type: "string" },
        inputs: { type: "string" },
        trained: { type: "string" },
        python: { type: "string" },
        record: { type: "boolean", default: false },
        "record-to": { type: "string" },
        quick: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** What is used where nothing is said. */
const usual = {
  model: "ViT-B/32",
  batch: "16",
  tokens: "16",
  threads: String(availableParallelism()),
  launcher: "mpirun",
  links: "1,10,25,100",
  rounds: "9",
  warmup: "2",
  starts: "3",
  pairs: "100000",
  steps: "20",
  rows: "100000",
  queries: "200",
  dim: "512",
  inputs: join(tmpdir(), "clip-ts-bench-inputs"),
};
/** @type {Record<string, Partial<typeof usual>>} */
const usualOf = {
  browser: { model: "small", batch: "64" },
  data: { rounds: "5", warmup: "1" },
  "data-train": { model: "ViT-S-32,small,tiny", batch: "64", tokens: "32", rounds: "3", warmup: "1" },
  "data-memory": { batch: "64" },
  ranks: { model: "ViT-S-32", batch: "32", threads: "1", rounds: "5" },
  scaling: { model: "ViT-B/32", batch: "32", rounds: "3" },
};
const quickly = {
  ...usual,
  model: "tiny",
  batch: "4",
  tokens: "16",
  rounds: "2",
  warmup: "1",
  starts: "1",
  pairs: "96",
  steps: "2",
  rows: "2000",
  queries: "20",
  dim: "32",
};

/** @param {string | undefined} text */
const namesOf = (text) => (text === undefined ? undefined : listOf(text));

const numbers = /** @type {const} */ ([
  "batch",
  "tokens",
  "threads",
  "rounds",
  "warmup",
  "starts",
  "pairs",
  "steps",
  "rows",
  "queries",
  "dim",
]);

/**
 * The options that are whole numbers.
 * @param {Record<(typeof numbers)[number], string>} given
 */
const numbersOf = (given) =>
  /** @type {Record<(typeof numbers)[number], number>} */ (
    Object.fromEntries(numbers.map((name) => [name, wholeNumber(name, given[name])]))
  );

/**
 * @param {readonly string[]} words
 * @returns {{ command: string | undefined, help: boolean, options: Options }}
 */
export function readOptions(words) {
  const { values, positionals } = parse(words);
  const [command, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`One command at a time; left over: ${rest.join(" ")}.`);
  const usually = values.quick ? { ...quickly, inputs: undefined } : { ...usual, ...usualOf[command ?? ""] };
  const given = { ...usually, ...values };
  if (given.against !== undefined && command !== "train") {
    throw new UsageError("--against compares training: pnpm bench train --against REVISION.");
  }
  const ownFile = values.record ? fileURLToPath(resultsFile) : undefined;
  const options = {
    ...numbersOf(given),
    model: given.model,
    precision: precisionOf(given.precision ?? "f32"),
    isPrecisionGiven: given.precision !== undefined,
    engines: namesOf(given.engines),
    peers: peersOf(given.peers),
    against: given.against,
    stores: namesOf(given.stores),
    launcher: given.launcher,
    links: listOf(given.links).map((link) => wholeNumber("links", link)),
    inputs: given.inputs,
    trained: given.trained,
    python: given.python,
    quick: given.quick,
    record: given["record-to"] ?? ownFile,
    words: words.filter((word) => word !== command),
  };
  return { command, help: given.help, options };
}

/** Words that say nothing about the figures, and whether a value follows them. */
const unsaid = new Map([
  ["--record", 0],
  ["--record-to", 1],
  ["--python", 1],
  ["--trained", 1],
  ["--inputs", 1],
]);

/**
 * The words that give the same figures again, wherever the repository and Python lie.
 * @param {string} command
 * @param {Options} options
 */
export function commandLine(command, { words }) {
  /** @type {string[]} */
  const line = [command];
  for (let index = 0; index < words.length; index++) {
    const [name = "", value] = (words[index] ?? "").split("=");
    const following = unsaid.get(name);
    if (following === undefined) line.push(words[index] ?? "");
    else if (value === undefined) index += following;
  }
  return line.join(" ");
}
