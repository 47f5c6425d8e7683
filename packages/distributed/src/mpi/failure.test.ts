import { describe, expect, test } from "vitest";
import type { RanksEnded, StartedRanks } from "@clip-ts/test-utils";
import { librariesHere, startRanks } from "../fixtures/run-ranks.ts";

/** Ranks end within 10 s of what ended one of them; this is for machines at work on something else too. */
const patience = { timeout: 60_000 };

/** The lines that ranks wrote about their end; launchers and Node write more. */
const ofRanks = ({ stderr }: RanksEnded): readonly string[] =>
  stderr.split("\n").filter((line) => /rank \d+ of \d+/.test(line));

/** The process of a rank, once it steps. */
const processOf = async ({ printed }: StartedRanks, rank: number): Promise<number> =>
  Number((await printed(new RegExp(`rank ${rank} is process (\\d+)`)))[1]);

/** Processes that are left. */
const left = (processes: readonly number[]): readonly number[] =>
  processes.filter((id) => {
    try {
      process.kill(id, 0);
      return true;
    } catch {
      return false;
    }
  });

describe.each(librariesHere())("a rank under $name", (mpi) => {
  /** Ranks 0 and 1, at their steps. */
  async function atWork(...words: string[]) {
    const ranks = startRanks(mpi, 2, ...words);
    return { ranks, processes: [await processOf(ranks, 0), await processOf(ranks, 1)] as const };
  }

  test("that is killed takes the others with it", patience, async () => {
    const { ranks, processes } = await atWork("wait");
    process.kill(processes[1], "SIGKILL");
    const how = await ranks.ended;
    expect(how.code).not.toBe(0);
    // the launchers' own words
    expect(how.stdout + how.stderr).toMatch(/exited on signal 9|Killed \(signal 9\)|KILLED BY SIGNAL: 9/);
    await expect.poll(() => left(processes)).toEqual([]);
  });

  test.each([
    { fault: "throws", job: "throw" },
    { fault: "leaves a rejection alone", job: "reject" },
  ])("that $fault ends all, and says which it is", patience, async ({ job }) => {
    const { ranks, processes } = await atWork(job);
    const how = await ranks.ended;
    expect(how.code).not.toBe(0);
    expect(ofRanks(how)).toEqual([expect.stringContaining("rank 1 of 2 (host ")]);
    expect(how.stderr).toContain("a fault of this rank");
    await expect.poll(() => left(processes)).toEqual([]);
  });

  test("that ends with 0 in the middle is no success", patience, async () => {
    const { ranks, processes } = await atWork("exit");
    const how = await ranks.ended;
    expect(how.code).not.toBe(0);
    expect(ofRanks(how)).toEqual([expect.stringMatching(/rank 1 of 2.*ended before the others/)]);
    await expect.poll(() => left(processes)).toEqual([]);
  });

  test("that stalls is waited for as long as was said", patience, async () => {
    const { ranks, processes } = await atWork("stall", "4");
    const how = await ranks.ended;
    expect(how.code).not.toBe(0);
    expect(ofRanks(how)).toEqual([
      expect.stringMatching(/rank 0 of 2 \(host .*\): waits in reduce of step 20, 4\.\d s so far; the limit is 4\.0 s/),
    ]);
    expect(ofRanks(how)[0]).toMatch(/Resume with the same command\.$/);
    await expect.poll(() => left(processes)).toEqual([]);
  });

  test("that is asked to end while another is stopped says so, and ends all", patience, async () => {
    const { ranks, processes } = await atWork("wait");
    process.kill(processes[1], "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    process.kill(processes[0], "SIGTERM");
    const how = await ranks.ended;
    expect(how.code).not.toBe(0);
    expect(ofRanks(how)).toEqual([
      expect.stringMatching(/rank 0 of 2 .*asked to end \(SIGTERM\), but another rank .*: waits in \w+ of step \d+, /),
    ]);
    await expect.poll(() => left(processes)).toEqual([]);
  });

  test("that listens to SIGTERM is waited for while another saves", patience, async () => {
    const { ranks, processes } = await atWork("save");
    await new Promise((resolve) => setTimeout(resolve, 500)); // until it waits
    process.kill(processes[0], "SIGTERM");
    expect(await ranks.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/heard\r?\nsaved/) as string });
  });
});
