// While a rank computes its last gradients, those that are whole are added up.
import type { HostArrays } from "@clip-ts/core";
import { flatLoader, interpretTarget, type Exchange, type Target } from "@clip-ts/jit";
import { clipSpec, contrastive, preset } from "@clip-ts/model";
import { localExchange } from "@clip-ts/test-utils";
import { expect, test } from "vitest";
import { createTraining, type TrainingState } from "./create-training.ts";

const config = preset("nano");
const rows = 2;

function batchOf(rank: number, step: number): HostArrays {
  const ids = Array.from({ length: rows }, (_, row) => [598, 1 + ((3 * rank + row + step) % 7), 599]).flat();
  const pixels = Float32Array.from({ length: rows * 3 * 64 }, (_, at) => Math.sin(at * (step + 1) + rank));
  return {
    pixelValues: { data: pixels, shape: [rows, 3, 8, 8] },
    inputIds: { data: Int32Array.from(ids), shape: [rows, 3] },
  };
}

type Note = (event: string) => void;

/** The interpreter, which notes when it has computed gradients and when it moves parameters. */
const noting =
  (note: Note): Target =>
  async (graph) => {
    const compiled = await interpretTarget(graph);
    const gives = (start: string): boolean => graph.outputs.some(({ name }) => name.startsWith(start));
    const isCompared = gives("loss");
    return {
      ...compiled,
      async run(...given) {
        const results = await compiled.run(...given);
        if (gives("next:grad:") && !isCompared) note("computed");
        if (gives("next:param")) note("moved");
        return results;
      },
    };
  };

/** Two steps of ranks. */
async function train(exchanges: readonly Exchange[], note: (rank: number, event: string) => void) {
  const all = await Promise.all(
    exchanges.map((exchange) =>
      createTraining({
        objective: contrastive(config),
        spec: clipSpec(config),
        seed: 2,
        clipNorm: 0.5,
        schedule: { kind: "constant", learningRate: 0.01, warmupSteps: 0, steps: 8 },
        engine: { load: flatLoader(noting((event) => note(exchange.rank, event))) },
        exchange,
      }),
    ),
  );
  for (const step of [0, 1]) await Promise.all(all.map((rank, at) => rank.step(batchOf(at, step))));
  const states: TrainingState[] = structuredClone(await Promise.all(all.map((rank) => rank.read())));
  await Promise.all(all.map((rank) => rank.dispose()));
  return states;
}

/** No sum of a step ends before the last one, which numbers ride along with, has begun. */
function slow(exchange: Exchange, note: Note): Exchange {
  let open: () => void = () => undefined;
  const close = (): Promise<void> => new Promise((resolve) => (open = resolve));
  let gate = close();
  return {
    ...exchange,
    bucketBytes: 4_000,
    numbers: { give: () => ({ asked: 0 }), take: () => note("told") },
    async sum(own) {
      note("sum begins");
      const sums = exchange.sum(own);
      const passed = gate;
      if ("beside" in own) {
        open();
        gate = close();
      }
      await passed;
      note("sum ends");
      return sums;
    },
  };
}

test("gradients are added up while others are computed, all before the update, which stays as it is", async () => {
  const plain: string[] = [];
  const expected = await train(localExchange(2), (rank, event) => rank === 0 && plain.push(event));
  expect(plain.filter((event) => event === "computed")).toHaveLength(2); // all at once, once a step
  const events: string[][] = [[], []];
  const note = (rank: number, event: string) => void events[rank]!.push(event);
  const exchanges = localExchange(2).map((exchange) => slow(exchange, (event) => note(exchange.rank, event)));
  expect(await train(exchanges, note)).toEqual(expected);
  expect(events[1]).toEqual(events[0]);
  const first = events[0]!.slice(0, events[0]!.indexOf("moved"));
  const computing = first.filter((event) => ["computed", "sum begins"].includes(event));
  const pieces = computing.length / 2;
  expect(pieces).toBeGreaterThan(3);
  expect(computing).toEqual(Array.from({ length: pieces }, () => ["computed", "sum begins"]).flat());
  const last = first.slice(first.lastIndexOf("sum begins") + 1);
  expect(last).toEqual([...Array.from({ length: pieces }, () => "sum ends"), "told"]);
});

test("a sum that fails ends the step, whatever is still computed", async () => {
  const exchanges = localExchange(2).map((exchange): Exchange => ({
    ...exchange,
    bucketBytes: 4_000,
    sum: () => Promise.reject(new Error("Another rank is gone.")),
  }));
  await expect(train(exchanges, () => undefined)).rejects.toThrow("Another rank is gone.");
});
