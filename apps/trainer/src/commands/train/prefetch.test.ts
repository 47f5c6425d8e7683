import { pairSource } from "@clip-ts/data";
import { expect, test } from "vitest";
import { openTrainingBatches } from "../../config/batches.ts";
import { openRunModel } from "../../config/model.ts";
import { openSource } from "../../config/sources.ts";
import { configOf } from "./run-here.test.ts";

/** How many images are read once the first batch of a run is there and nothing more is begun. */
async function imagesRead(accumulate: number, prefetch: number): Promise<number> {
  const data = { batchSize: 2, prefetch, train: { kind: "synthetic", count: 64 } };
  const config = configOf("ahead", { accumulate, data });
  const { label, records } = await openSource(config.data.train as never, 0);
  const read = new Set<string>();
  const noting = records.map((record) => ({
    ...record,
    loadImage() {
      read.add(record.key);
      return record.loadImage();
    },
  }));
  const { description } = await openRunModel(config.model);
  const source = pairSource(label, noting);
  const batches = await openTrainingBatches(config.data, description, { source });
  await batches.next();
  await batches.close(); // waits for what is under way
  return read.size;
}

test("what is made ahead does not grow with the micro-batches of a step", async () => {
  expect(await imagesRead(1, 2)).toBe(3 * 2);
  expect(await imagesRead(8, 2)).toBe(2 * 16); // the step's own pairs and those of one more
  expect(await imagesRead(8, 0)).toBe(16);
});
