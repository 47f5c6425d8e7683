// @ts-check
// `clip-ts index` beside `clip-ts embed --exif` on the same folder, in turn: pictures a second, processor time, memory.
//
//     node bench/make-photographs.mjs photographs
//     node bench/index-photographs.mjs MODEL photographs [--rounds 3] [--store flat] [--engine onnx]
//
// Times are those of whole processes, start and all, so that both are measured alike. Memory is the mean of the
// process's resident set in each quarter of its time (Linux). Run `pnpm build` first.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    store: { type: "string", default: "flat" },
    engine: { type: "string", default: "auto" },
  },
  allowPositionals: true,
});
const [model, pictures] = positionals;
if (model === undefined || pictures === undefined) {
  throw new Error("Usage: node bench/index-photographs.mjs MODEL FOLDER [--rounds N] [--store NAME] [--engine NAME]");
}

const program = fileURLToPath(new URL("../apps/trainer/bin/clip-ts.js", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "clip-ts-bench-index-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** @param {number | undefined} pid */
function looked(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    const mebibytes = Number(/VmRSS:\s+(\d+) kB/u.exec(status)?.[1] ?? 0) / 1024;
    return { mebibytes, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 };
  } catch {
    return undefined; // it has just ended
  }
}

/** @param {readonly number[]} list */
const mean = (list) => list.reduce((sum, value) => sum + value, 0) / Math.max(1, list.length);

/**
 * Runs the command line once.
 * @param {readonly string[]} words
 */
async function run(words) {
  const start = performance.now();
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (chunk) => (said += chunk));
  child.stderr.on("data", (chunk) => (said += chunk));
  /** @type {number[]} */
  const memory = [];
  let cpuSeconds = 0;
  const timer = setInterval(() => {
    const now = looked(child.pid);
    if (now === undefined || now.mebibytes === 0) return;
    memory.push(now.mebibytes);
    ({ cpuSeconds } = now);
  }, 50);
  const code = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`clip-ts ${words.join(" ")} ended with ${code}:\n${said}`);
  const quarter = memory.length / 4;
  const quarters = [0, 1, 2, 3].map((at) =>
    mean(memory.slice(Math.floor(at * quarter), Math.floor((at + 1) * quarter))),
  );
  return { seconds: (performance.now() - start) / 1000, cpuSeconds, quarters, said };
}

const rounds = Number(values.rounds);
const embedding = ["--exif", "--max-skipped", "100%"];
/** @type {Record<string, Awaited<ReturnType<typeof run>>[]>} */
const results = { embed: [], index: [] };
let total = 0;
for (let round = 0; round < rounds; round++) {
  const sides = [
    { name: "embed", words: ["embed", model, pictures, "-o", `${join(work, `embed-${round}`)}/`, ...embedding] },
    { name: "index", words: ["index", model, pictures, "-o", join(work, `index-${round}`), "--store", values.store] },
  ];
  for (const { name, words } of round % 2 === 0 ? sides : sides.toReversed()) {
    const result = await run([...words, "--engine", values.engine]);
    results[name]?.push(result);
    total ||= Number(/added +([\d ]+)\n/u.exec(result.said)?.[1]?.replaceAll(" ", "") ?? 0);
  }
}

/** @param {readonly number[]} list */
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

console.log(`${total} pictures, ${rounds} rounds, medians; load ${loadavg()[0]?.toFixed(1)} at the end`);
for (const [name, runs] of Object.entries(results)) {
  const seconds = median(runs.map((result) => result.seconds));
  const cpu = median(runs.map((result) => result.cpuSeconds));
  const quarters = [0, 1, 2, 3].map((at) => median(runs.map((result) => result.quarters[at] ?? 0)).toFixed(0));
  console.log(
    `${name.padEnd(6)} ${(total / seconds).toFixed(1)} images/s  ${cpu.toFixed(1)} CPU s ` +
      `(${((1000 * cpu) / total).toFixed(2)} ms a picture)  MiB by quarter ${quarters.join(" ")}`,
  );
}
const ratio = (/** @type {(result: Awaited<ReturnType<typeof run>>) => number} */ of) =>
  median(results["index"]?.map(of) ?? []) / median(results["embed"]?.map(of) ?? []);
console.log(
  `index is ${(1 / ratio(({ seconds }) => seconds)).toFixed(2)}x as fast as embed and takes ` +
    `${ratio(({ cpuSeconds }) => cpuSeconds).toFixed(2)}x its processor time`,
);
