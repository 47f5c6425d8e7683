import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const bin = fileURLToPath(new URL("../../bin/clip-ts.js", import.meta.url));
const isBuilt = existsSync(new URL("../../dist/main.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: doctor --mpi needs the built packages (pnpm build).");

const launchers = [
  { library: "Open MPI", command: ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe"] },
  { library: "MPICH", command: ["mpirun.mpich"] },
] as const;

test.each(launchers)("doctor --mpi says how 2 ranks under $library pass arrays", (context) => {
  const [program, ...flags] = context.command;
  if (!isBuilt || spawnSync(program, ["--version"]).status !== 0) {
    return console.warn(
      `SKIPPED: doctor --mpi under ${context.library}, as there is no ${program} or nothing is built.`,
    );
  }
  const env = { ...process.env, NO_COLOR: "1", UV_THREADPOOL_SIZE: "4" };
  const words = [...flags, "-np", "2", process.execPath, bin, "doctor", "--mpi"];
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.match(/^MPI$/gm)).toHaveLength(1);
  expect(stdout).toMatch(new RegExp(`^  library +${context.library} v?\\d`, "m"));
  expect(stdout).toMatch(new RegExp(`^  ranks +2, started by mpirun of ${context.library}$`, "m"));
  expect(stdout).toMatch(/^ {2}hosts +\S+ \(2\)$/m);
  for (const size of [10, 100]) expect(stdout).toMatch(new RegExp(`^  sum of ${size} MB +[\\d.]+ ms, \\d+ MB/s$`, "m"));
  expect(stdout).toMatch(/^ {2}event loop +\d+ ticks a second meanwhile$/m);
  expect(stdout.replaceAll(/\s+/g, " ")).toContain("Start the ranks with UV_THREADPOOL_SIZE=8 or more.");
});
