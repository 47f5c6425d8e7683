import { afterEach, expect, test, vi } from "vitest";
import { settlePart } from "./settle-part.ts";

const said: string[] = [];
vi.spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);

afterEach(() => void said.splice(0));

const array = {
  SLURM_ARRAY_TASK_ID: "9",
  SLURM_ARRAY_TASK_COUNT: "4",
  SLURM_ARRAY_TASK_MIN: "5",
  SLURM_ARRAY_TASK_STEP: "2",
};
const batchScript = { SLURM_PROCID: "0", SLURM_NTASKS: "1", SLURM_LOCALID: "0" };
const openMpi = { OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2", OMPI_COMM_WORLD_LOCAL_RANK: "1" };

test.each([
  ["mpirun of Open MPI", openMpi, { number: 2, of: 2 }, "part    2/2 (rank 1 of mpirun of Open MPI)\n"],
  [
    "mpirun of MPICH",
    { PMI_RANK: "0", PMI_SIZE: "3", MPI_LOCALRANKID: "0" },
    { number: 1, of: 3 },
    "part    1/3 (rank 0 of mpirun of MPICH)\n",
  ],
  [
    "srun",
    { SLURM_PROCID: "3", SLURM_NTASKS: "8", SLURM_STEP_ID: "0" },
    { number: 4, of: 8 },
    "part    4/8 (rank 3 of Slurm)\n",
  ],
  ["a Slurm array", { ...array, ...batchScript }, { number: 3, of: 4 }, "part    3/4 (task 9 of a Slurm array)\n"],
  [
    "an Indexed Job",
    { JOB_COMPLETION_INDEX: "0", JOB_COMPLETIONS: "4" },
    { number: 1, of: 4 },
    "part    1/4 (index 0 of a Kubernetes Indexed Job)\n",
  ],
])("%s says which part is this process's", async (_, environment, part, line) => {
  expect(await settlePart(undefined, environment)).toEqual(part);
  expect(said.join("")).toBe(line);
});

test.each([[{}], [batchScript], [{ SLURM_NTASKS: "4" }]])(
  "without parts, %j, all is one and nothing is said",
  async (environment) => {
    expect(await settlePart(undefined, environment)).toEqual({ number: 1, of: 1 });
    expect(said).toEqual([]);
  },
);

test("--part wins over any launcher, and that is said", async () => {
  expect(await settlePart("2/7", { ...array, ...openMpi })).toEqual({ number: 2, of: 7 });
  expect(said.join("")).toBe("part    2/7 (--part)\n");
});

test.each([
  ["two launchers", { ...array, ...openMpi }, "task 9 of a Slurm array: 3/4; rank 1 of mpirun of Open MPI: 2/2"],
  [
    "an index without a count",
    { JOB_COMPLETION_INDEX: "0" },
    "JOB_COMPLETIONS is not: its manifest says how many completions the job has",
  ],
  [
    "a job's script that srun did not start",
    { SLURM_PROCID: "0", SLURM_NTASKS: "4", SLURM_LOCALID: "0" },
    "Slurm's job has 4 tasks, of which its script is one: start all with srun",
  ],
  ["an index beyond the count", { JOB_COMPLETION_INDEX: "4", JOB_COMPLETIONS: "4" }, "JOB_COMPLETIONS, 4, is not more"],
  ["a list of tasks", { ...array, SLURM_ARRAY_TASK_ID: "8" }, "an array of listed tasks needs --part I/N for each"],
  [
    "no number",
    { SLURM_ARRAY_TASK_ID: "x", SLURM_ARRAY_TASK_COUNT: "4" },
    'SLURM_ARRAY_TASK_ID: expected a whole number, got "x"',
  ],
])("%s: refused", async (_, environment, message) => {
  await expect(settlePart(undefined, environment)).rejects.toThrow(message);
});
