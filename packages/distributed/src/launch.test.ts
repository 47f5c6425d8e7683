import { expect, test } from "vitest";
import { launchedRank } from "./launch.ts";

const slurm = { SLURM_PROCID: "0", SLURM_NTASKS: "8", SLURM_LOCALID: "0" };
const hydra = { PMI_RANK: "2", PMI_SIZE: "4", MPI_LOCALRANKID: "1" };

test.each([
  { case: "no launcher", environment: {}, expected: undefined },
  {
    case: "mpirun of Open MPI in a Slurm job",
    environment: { ...slurm, OMPI_COMM_WORLD_RANK: "3", OMPI_COMM_WORLD_SIZE: "4", OMPI_COMM_WORLD_LOCAL_RANK: "1" },
    expected: { launcher: "mpirun of Open MPI", rank: 3, size: 4, localRank: 1, family: "open-mpi" },
  },
  {
    case: "mpirun of MPICH in a Slurm job",
    environment: { ...slurm, ...hydra },
    expected: { launcher: "mpirun of MPICH", rank: 2, size: 4, localRank: 1, family: "mpich" },
  },
  {
    case: "srun --mpi=pmi2, for whichever library",
    environment: { ...slurm, SLURM_PROCID: "5", PMI_RANK: "5", PMI_SIZE: "8" },
    expected: { launcher: "Slurm", rank: 5, size: 8, localRank: 0, family: undefined },
  },
  {
    case: "PMIx alone",
    environment: { PMIX_RANK: "1", SLURM_PROCID: "" },
    expected: {
      launcher: "a launcher that speaks PMIx",
      rank: 1,
      size: undefined,
      localRank: undefined,
      family: undefined,
    },
  },
])("$case", ({ environment, expected }) => {
  expect(launchedRank(environment)).toEqual(expected);
});

test("a variable that is no number is named", () => {
  expect(() => launchedRank({ PMIX_RANK: "one" })).toThrow(
    'PMIX_RANK: expected a whole number from a launcher, got "one"',
  );
});
