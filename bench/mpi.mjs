// Sums over ranks of this machine by @clip-ts/distributed beside the same loop in C, under each library of MPI.
//
//     node bench/mpi.mjs [--ranks 2] [--rounds 3]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { joinMpi } from "../packages/distributed/dist/index.js";
import { median } from "./measure/statistics.mjs";

const sizes = [
  { megabytes: 10, times: 20 },
  { megabytes: 100, times: 5 },
];
const libraries = {
  "Open MPI": { mpi: "openmpi", flags: ["--allow-run-as-root", "--oversubscribe"] },
  MPICH: { mpi: "mpich", flags: [] },
};

const { values } = parseArgs({
  options: {
    ranks: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    rank: { type: "string" },
    times: { type: "string" },
  },
});

/** One rank: sums so many floats so often. */
async function sum(length, times) {
  const ranks = await joinMpi();
  const numbers = new Float32Array(length);
  let ticks = 0;
  for (let time = -1; time < times; time++) {
    await ranks.barrier();
    const timer = setInterval(() => (ticks += 1), 1);
    const from = performance.now();
    await ranks.reduce(numbers);
    const ms = performance.now() - from;
    clearInterval(timer);
    if (ranks.rank === 0 && time >= 0) console.log(String(ms)); // a number is coloured on a terminal, which Open MPI gives to ranks
  }
  if (ranks.rank === 0) console.log(`ticks ${ticks}`);
  await ranks.close();
}

/** What a command prints, a line each. */
function linesOf([program, ...words]) {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${error?.message ?? stderr}`);
  return stdout.trim().split("\n");
}

const speed = (megabytes, ms) => (megabytes / (ms / 1000)).toFixed(0);

/** Compiles the loop in C. @returns the program; nothing without a compiler or MPI's headers, which is said. */
function compileLoop(name, mpi, folder) {
  const loop = join(folder, mpi);
  const source = fileURLToPath(new URL("sides/reduce.c", import.meta.url));
  try {
    linesOf([`mpicc.${mpi}`, "-O2", source, "-o", loop]);
    return loop;
  } catch (error) {
    console.log(`SKIPPED: ${name}, which is not here to compile for: ${error.message.split("\n")[0]}`);
    return undefined;
  }
}

/** C and Node in turn, so that what else the machine does hits both. */
function compare({ name, mpi, flags }, loop) {
  const start = [`mpirun.${mpi}`, ...flags, "-np", values.ranks];
  for (const { megabytes, times } of sizes) {
    const given = [String(megabytes * 250_000), String(times)];
    const own = [process.execPath, fileURLToPath(import.meta.url), "--rank", given[0], "--times", given[1]];
    const [c, node] = [[], []];
    let ticks = 0;
    for (let round = 0; round < Number(values.rounds); round++) {
      c.push(...linesOf([...start, loop, ...given]).map(Number));
      const lines = linesOf([...start, ...own]);
      node.push(...lines.filter((line) => !line.startsWith("ticks")).map(Number));
      ticks += Number(/\d+/.exec(lines.at(-1)));
    }
    const perSecond = (ticks * 1000) / node.reduce((sum, ms) => sum + ms, 0);
    const columns = [c, node].map((ms) => `${speed(megabytes, Math.min(...ms))} (${speed(megabytes, median(ms))})`);
    console.log(
      `${name}, ${values.ranks} ranks, ${megabytes} MB: C ${columns[0]} MB/s, clip-ts ${columns[1]} MB/s, best (median); ` +
        `${perSecond.toFixed(0)} ticks of a 1 ms timer a second`,
    );
  }
}

if (values.rank === undefined) {
  console.log(`load ${loadavg()[0].toFixed(1)}`);
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-bench-mpi-"));
  for (const [name, library] of Object.entries(libraries)) {
    const loop = compileLoop(name, library.mpi, folder);
    if (loop !== undefined) compare({ name, ...library }, loop);
  }
  rmSync(folder, { recursive: true });
} else {
  await sum(Number(values.rank), Number(values.times));
}
