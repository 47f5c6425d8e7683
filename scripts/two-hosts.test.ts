// What only a network between ranks shows: two network namespaces with a cable, which is pulled.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./run.mjs";
import { layCable, missingForHosts } from "./two-hosts.mjs";

const job = join(root, "packages/distributed/src/fixtures/rank.mjs");
const isBuilt = existsSync(join(root, "packages/distributed/dist/index.js"));
const missing = isBuilt ? missingForHosts() : "the packages are not built (pnpm build)";
const patience = { timeout: 120_000 };

const isRunning = (id: number): boolean => existsSync(`/proc/${id}`);

test.each(["openmpi", "mpich"] as const)(
  "ranks under %s end when the cable between them is pulled",
  patience,
  async (mpi) => {
    const without = spawnSync(`mpirun.${mpi}`, ["--version"]).status === 0 ? missing : `there is no mpirun.${mpi}`;
    if (without !== undefined) return console.warn(`SKIPPED: a pulled cable under ${mpi}: ${without}.`);
    const hosts = layCable();
    try {
      const [program, ...words] = hosts.command(mpi, process.execPath, job, "wait", "6");
      const child = spawn(program, words, { env: { ...process.env, NO_COLOR: "1" } });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (text: Buffer) => (output += text.toString()));
      // a daemon of Open MPI's stays and keeps the pipes open
      const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
      const processOf = (rank: number): number =>
        Number(new RegExp(`rank ${rank} is process (\\d+)`).exec(output)?.[1]);
      await expect.poll(() => [processOf(0), processOf(1)].every(Number.isInteger)).toBe(true);
      hosts.pull();
      await expect.poll(() => [processOf(0), processOf(1)].some(isRunning)).toBe(false); // within 30 s
      expect(await ended).not.toBe(0);
      expect(output).toMatch(
        /^rank 0 of 2 \(host host-1\): waits in \w+ of step \d+, .*Resume with the same command\.$/m,
      );
    } finally {
      hosts.remove();
    }
  },
);
