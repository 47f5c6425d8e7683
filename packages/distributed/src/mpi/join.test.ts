import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { librariesHere, startRanks, waysHere } from "../fixtures/run-ranks.ts";

const patience = { timeout: 120_000 };

describe.each(waysHere())("ranks under $way", (mpi) => {
  test.each([2, 4])("1,000 queued collectives on %i ranks are all right", patience, async (count) => {
    const { code, stdout, stderr } = await startRanks(mpi, count, "collectives", "1000").ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trim().split("\n")).toEqual(Array.from({ length: count }, () => "0 wrong"));
  });

  test("what is longer than one call may pass goes in pieces", patience, async () => {
    const { code, stdout, stderr } = await startRanks(mpi, 3, "collectives", "25", "997").ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.trim().split("\n")).toEqual(["0 wrong", "0 wrong", "0 wrong"]);
  });

  test.each([2, 3, 4])("%i ranks get the same bits of a sum", patience, async (count) => {
    const { code, stdout } = await startRanks(mpi, count, "sums").ended;
    const hashes = stdout.trim().split(" ");
    expect([code, hashes.length, new Set(hashes).size]).toEqual([0, count, 1]);
  });

  test("a rank knows its place and counts what it passed", patience, async () => {
    const { stdout } = await startRanks(mpi, 2, "who").ended;
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { rank: number });
    const library = expect.stringContaining(mpi.name) as string;
    const launcher = `mpirun of ${mpi.name}`;
    const reduce = { calls: 1, bytes: 40, ms: true };
    expect(rows.toSorted((a, b) => a.rank - b.rank)).toEqual([
      { rank: 0, size: 2, localRank: 0, launcher, library, reduce },
      { rank: 1, size: 2, localRank: 1, launcher, library, reduce },
    ]);
  });
});

const job = fileURLToPath(new URL("../fixtures/rank.mjs", import.meta.url));

/** One process without a launcher, with variables of one. */
function alone(variables: Readonly<Record<string, string>>, ...words: string[]) {
  const env = { ...process.env, NO_COLOR: "1", ...variables };
  const { status, stdout, stderr } = spawnSync(process.execPath, [job, ...words], { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

describe.each(librariesHere().slice(0, 1))("a process without a launcher, on $name", () => {
  test("is rank 0 of 1", () => {
    expect(JSON.parse(alone({}, "who").stdout)).toMatchObject({ rank: 0, size: 1, localRank: 0 });
  });

  test.each([
    { launcher: "Slurm", variables: { SLURM_PROCID: "1", SLURM_NTASKS: "4" }, remedy: "Start with srun --mpi=pmix" },
    {
      launcher: "mpirun of Open MPI",
      variables: { OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2" },
      remedy: "Load the launcher's own library by CLIP_TS_MPI_LIBRARY",
    },
  ])("refuses to be one of those that $launcher promised", ({ variables, launcher, remedy }) => {
    const { status, stderr } = alone(variables, "who");
    expect(status).not.toBe(0);
    expect(stderr).toContain(`${launcher} promised`);
    expect(stderr).toContain(remedy);
  });

  test("says what was looked for where there is no library", () => {
    const { status, stderr } = alone({ CLIP_TS_MPI_LIBRARY: "libnothing.so.1" }, "who");
    expect(status).not.toBe(0);
    expect(stderr).toContain("No MPI library was found (looked for libnothing.so.1)");
  });

  test("refuses a library of another ABI", () => {
    const { stderr } = alone({ CLIP_TS_MPI_LIBRARY: "libc.so.6" }, "who");
    expect(stderr).toContain("libc.so.6 is no library of MPI");
  });
});
