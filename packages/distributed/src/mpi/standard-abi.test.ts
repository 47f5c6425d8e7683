import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { librariesHere, startRanks, type MpiUnderTest } from "../fixtures/run-ranks.ts";

const folder = mkdtempSync(join(tmpdir(), "clip-ts-mpi-abi-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** MPICH behind the ABI of MPI 5; nothing where it cannot be compiled, which is said. */
function standardAbi(): readonly MpiUnderTest[] {
  const mpich = librariesHere().find(({ name }) => name === "MPICH");
  if (mpich === undefined) return [];
  const [library, source] = [join(folder, "libmpi_abi.so"), new URL("../fixtures/standard-abi.c", import.meta.url)];
  const { status } = spawnSync("mpicc.mpich", ["-shared", "-fPIC", fileURLToPath(source), "-o", library]);
  if (status === 0) return [{ ...mpich, env: { CLIP_TS_MPI_LIBRARY: library } }];
  console.warn("SKIPPED: the ABI of MPI 5, as there is no mpicc.mpich or no header (apt-get install libmpich-dev).");
  return [];
}

describe.each(standardAbi())("a library with the ABI of MPI 5", (mpi) => {
  test("is asked by its own handles", { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await startRanks(mpi, 2, "collectives", "60").ended;
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "0 wrong\n0 wrong\n", stderr: "" });
  });

  test("ends all ranks when one throws", { timeout: 60_000 }, async () => {
    const { code, stderr } = await startRanks(mpi, 2, "throw").ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain("a fault of this rank");
  });
});
