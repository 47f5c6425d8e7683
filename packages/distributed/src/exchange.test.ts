import { hostname } from "node:os";
import type { Exchange } from "@clip-ts/jit";
import { describe, expect, test } from "vitest";
import { singleProcess } from "./communicator.ts";
import { checkDrift } from "./drift.ts";
import { exchangeOf } from "./exchange.ts";
import { startRanks, waysHere } from "./fixtures/run-ranks.ts";

const patience = { timeout: 120_000 };

test("a process on its own gets back what it gives", async () => {
  const exchange: Exchange = exchangeOf(singleProcess());
  expect([exchange.rank, exchange.size]).toEqual([0, 1]);
  const rows = { image: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] } };
  expect(await exchange.gather(rows)).toEqual(rows);
  expect(await exchange.sum(rows)).toBe(rows);
  await checkDrift(singleProcess(), rows);
});

test("gradients are float32", async () => {
  const { sum } = exchangeOf(singleProcess());
  const counts = { data: Int32Array.of(1), shape: [1] };
  await expect(sum({ counts })).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringContaining("counts"),
  });
});

describe.each(waysHere())("an exchange under $way", (mpi) => {
  /** What each rank printed, in the order of lines. */
  async function printedBy(count: number, job: string): Promise<readonly string[]> {
    const { code, stdout, stderr } = await startRanks(mpi, count, job).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.trim().split("\n");
  }

  test("sums 2 ranks to the bits of one process that adds them in order", patience, async () => {
    const lines = (await printedBy(2, "exchange")).map((line) => JSON.parse(line) as { asOne: boolean });
    const rows = {
      group: [[0, 100, 1, 101], [4]],
      image: [[0, -0.125, -0.25, -0.375, -1, -1.125, -1.25, -1.375].map((value) => value + 0), [4, 2]],
      keep: [
        [0, 1, 1, 1],
        [4, 1],
      ],
      text: [
        [0, 0.125, 0.25, 0.375, 0.5, 0.625, 1, 1.125, 1.25, 1.375, 1.5, 1.625],
        [4, 3],
      ],
    };
    expect(lines).toEqual([
      { isInPlace: true, asOne: true, rows },
      { isInPlace: true, asOne: true, rows },
    ]);
  });

  test("refuses rows of which ranks have unequally many, on all of them", patience, async () => {
    for (const line of await printedBy(3, "unequal")) {
      expect(line).toMatch(
        /^bad-shape: gather: expected as many rows on every rank, got from 8 to 16 elements of "image"/,
      );
    }
  });

  test("finds parameters that differ in one bit", patience, async () => {
    const lines = await printedBy(3, "drift");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^diverged: .*: "b" differs between ranks 0, 2 and ranks 1\. /);
  });

  test("knows the machines", patience, async () => {
    expect(await printedBy(2, "hosts")).toEqual([`${hostname()},${hostname()}`, `${hostname()},${hostname()}`]);
  });
});
