// @ts-check
// A run that is resumed with other data or settings: refused by name, or taken and recorded; never silent.
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configFile, runToEnd, start, reported } from "./trainer.mjs";

/** @typedef {import("./report.mjs").Result} Result */

const picture = fileURLToPath(new URL("../../packages/node/src/fixtures/images/grey.png", import.meta.url));

/** @param {string} data a folder of pictures and captions */
function writeData(data) {
  mkdirSync(data, { recursive: true });
  for (let pair = 0; pair < 16; pair++) {
    copyFileSync(picture, join(data, `${pair}.png`));
    writeFileSync(join(data, `${pair}.txt`), `picture number ${pair}\n`);
  }
}

/** What is done to the data between two parts of a run, and whether it may go on. */
const dataChanges = /** @type {const} */ ([
  ["nothing", () => {}, true],
  ["a pair more", (/** @type {string} */ data) => addPair(data), false],
  ["a pair less", (/** @type {string} */ data) => removePair(data), false],
  ["another caption", (/** @type {string} */ data) => writeFileSync(join(data, "3.txt"), "else\n"), false],
  ["a renamed picture", (/** @type {string} */ data) => renamePair(data), false],
]);

/** @param {string} data */
function addPair(data) {
  copyFileSync(picture, join(data, "99.png"));
  writeFileSync(join(data, "99.txt"), "one more\n");
}

/** @param {string} data */
function removePair(data) {
  for (const ending of ["png", "txt"]) rmSync(join(data, `5.${ending}`));
}

/** @param {string} data */
function renamePair(data) {
  for (const ending of ["png", "txt"]) renameSync(join(data, `5.${ending}`), join(data, `50.${ending}`));
}

/** Settings as one might change them, and whether a run may go on with them. */
const settingChanges = /** @type {const} */ ([
  ["seed=7", false],
  ["schedule.learningRate=0.3", false],
  ["optimizer.weightDecay=0.3", false],
  ["data.batchSize=4", false],
  ["clipNorm=0.5", false],
  ["ema.decay=0.9", false],
  ["loss.kind=sigmoid", false],
  ["accumulate=2", false],
  ["precision=bf16", false],
  ["steps=44", true],
  ["logEvery=2", true],
  ["checkpoint.every=4", true],
  ["checkpoint.keep=3", true],
  ["data.prefetch=0", true],
  ["tensorboard=false", true],
]);

/**
 * An interrupted run on a folder of pairs.
 * @param {string} folder
 * @param {string} engine
 */
async function interrupted(folder, engine) {
  const run = join(folder, "begun");
  const data = join(folder, "pairs");
  writeData(data);
  const config = configFile(run, engine, `{ kind: folder, path: ${data} }`);
  const { child, end } = start([config]);
  await reported(run, 4, () => child.exitCode !== null);
  child.kill("SIGINT");
  const { code, stderr } = await end;
  if (code !== 130) throw new Error(`The run to change ended with ${code}: ${stderr}`);
  return { run, data };
}

/** @param {string} text @param {string} from @param {string} to */
const moved = (text, from, to) => text.replaceAll(from, to);

/**
 * @param {{ run: string, data: string }} begun
 * @param {string} folder of this try
 */
function copyOf({ run, data }, folder) {
  const own = { run: join(folder, "run"), data: join(folder, "pairs") };
  cpSync(run, own.run, { recursive: true, verbatimSymlinks: true });
  cpSync(data, own.data, { recursive: true });
  const config = join(own.run, "config.yaml");
  writeFileSync(config, moved(moved(readFileSync(config, "utf8"), run, own.run), data, own.data));
  return own;
}

/**
 * @param {{ folder: string, engine: string }} options
 * @returns {Promise<Result[]>}
 */
export async function changes({ folder, engine }) {
  const begun = await interrupted(folder, engine);
  /** @type {string[]} */
  const dataProblems = [];
  for (const [index, [what, change, isTaken]] of dataChanges.entries()) {
    const { run, data } = copyOf(begun, join(folder, `data-${index}`));
    change(data);
    const { code, stderr } = await runToEnd(["--resume", run]);
    if ((code === 0) !== isTaken || !(isTaken || stderr.includes("train"))) {
      dataProblems.push(`${what}: ended with ${code}: ${stderr.slice(-300)}`);
    }
  }
  /** @type {string[]} */
  const problems = [];
  for (const [index, [setting, isTaken]] of settingChanges.entries()) {
    const { run } = copyOf(begun, join(folder, `setting-${index}`));
    const { code, stderr } = await runToEnd(["--resume", run, "--set", setting]);
    const key = setting.slice(0, setting.indexOf("="));
    const isRight = isTaken
      ? code === 0 && readFileSync(join(run, "config-changes.jsonl"), "utf8").includes(`"${key}"`)
      : code !== 0 && stderr.includes(key);
    if (!isRight) problems.push(`${setting}: ended with ${code}: ${stderr.slice(-300)}`);
  }
  return [
    { fault: "changed data", engine, tries: dataChanges.length, problems: dataProblems },
    { fault: "changed settings", engine, tries: settingChanges.length, problems },
  ];
}
