// @ts-check
// Memory while a set in tars is read once through: it must not grow with the pairs.
import { makeShards } from "../inputs/make-shards.mjs";
import { startSides } from "../measure/rounds.mjs";
import { median } from "../measure/statistics.mjs";
import { commandLine } from "../options.mjs";
import { gibibytes, rate } from "../report/figures.mjs";
import { nodeSide } from "./sides.mjs";

/** Looks at memory a quarter. */
const looks = 10;

/**
 * @param {import("./run.mjs").Run} run
 */
export async function benchDataMemory(run) {
  const { pairs, quick, inputs, batch, threads } = run.options;
  const few = quick ? { pictures: 8, shard: 32 } : {};
  const { pattern } = await makeShards(inputs ?? run.workspace, { size: "256-350", pairs, ...few }, run.note);
  const perQuarter = quick ? 2 : looks;
  const options = { pattern, pairs, batch, size: 224, threads, samples: 4 * perQuarter };
  const { name, command, ...rest } = nodeSide("clip-ts", "data-memory.mjs", options);
  const [node, ...words] = command;
  const environment = { UV_THREADPOOL_SIZE: String(threads + 4) };
  const [side] = await startSides([{ name, command: [node, "--expose-gc", ...words], environment, ...rest }], run.note);
  if (side === undefined) throw new Error("the side did not start, see above");
  run.note(`reading ${pairs} pairs`);
  const { milliseconds, shown } = await side.run({});
  const peak = side.peakBytes();
  await side.close();
  const quarters = [0, 1, 2, 3].map((quarter) =>
    median(shown.resident.slice(quarter * perQuarter, (quarter + 1) * perQuarter)),
  );
  const [, second = Number.NaN, , last = Number.NaN] = quarters;
  const growth = last / second - 1;
  run.publish({
    command: commandLine("data-memory", run.options),
    title: `Memory over ${shown.pairs} pairs in tars, batch ${batch}`,
    setting: `${threads} threads, without a model`,
    rows: [
      ["", "GiB"],
      ...quarters.map((bytes, index) => [`quarter ${index + 1}`, gibibytes(bytes)]),
      ["peak", gibibytes(peak)],
    ],
    notes: [
      `The last quarter's median is ${(100 * growth).toFixed(1)} % above the second's (wanted <= 3 %): ` +
        `${growth <= 0.03 ? "reached" : "missed"}.`,
      "Resident memory of the process, after a garbage collection each time.",
      `${rate((1000 * shown.pairs) / milliseconds)} pairs a second.`,
    ],
  });
  return { agreement: { holds: true } };
}
