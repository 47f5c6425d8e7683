import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { mpiLaunchersHere } from "@clip-ts/test-utils";
import { expect, test } from "vitest";

const bin = fileURLToPath(new URL("../../bin/clip-ts.js", import.meta.url));
const isBuilt = existsSync(new URL("../../dist/main.js", import.meta.url));
if (!isBuilt) console.warn("Skipped: doctor --mpi needs the built packages (pnpm build).");

const launchers = isBuilt ? mpiLaunchersHere() : [];

test.each(launchers)("doctor --mpi says how 2 ranks under $name pass arrays", ({ name, program, flags }) => {
  const env = { ...process.env, NO_COLOR: "1", UV_THREADPOOL_SIZE: "4" };
  const words = [...flags, "-np", "2", process.execPath, bin, "doctor", "--mpi"];
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.match(/^MPI$/gm)).toHaveLength(1);
  expect(stdout).toMatch(new RegExp(`^  library +${name} v?\\d`, "m"));
  expect(stdout).toMatch(new RegExp(`^  ranks +2, started by mpirun of ${name}$`, "m"));
  expect(stdout).toMatch(/^ {2}hosts +\S+ \(2\)$/m);
  for (const size of [10, 100]) expect(stdout).toMatch(new RegExp(`^  sum of ${size} MB +[\\d.]+ ms, \\d+ MB/s$`, "m"));
  expect(stdout).toMatch(/^ {2}processors +\d+ for rank 0$/m);
  expect(stdout).toMatch(/^ {2}event loop +\d+ ticks a second meanwhile$/m);
  expect(stdout.replaceAll(/\s+/g, " ")).toContain("Start the ranks with UV_THREADPOOL_SIZE=8 or more.");
});

test("doctor --mpi says that Open MPI bound a rank to one processor", () => {
  const openMpi = launchers.find(({ name }) => name === "Open MPI");
  if (openMpi === undefined || availableParallelism() < 2) {
    return console.warn("SKIPPED: a bound rank, as there is no Open MPI, no second processor or nothing is built.");
  }
  const words = ["--allow-run-as-root", "--bind-to", "hwthread", "-np", "1", process.execPath, bin, "doctor", "--mpi"];
  const { stdout } = spawnSync(openMpi.program, words, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  expect(stdout.replaceAll(/\s+/g, " ")).toMatch(
    /processors Rank 0 has 1 of \d+ processors, as Open MPI binds it; mpirun --bind-to none/,
  );
});
