import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flattenTree } from "@clip-ts/core";
import { clipSpec, initClip } from "@clip-ts/model";
import { writeModel } from "@clip-ts/node";
import { goldenPath, tensorsLeftBy } from "@clip-ts/test-utils";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { openRunModel } from "./model.ts";
import type { RunConfig } from "./schema.ts";

/** A config of the smallest preset with other towers' weights. */
const configOf = (model: object): RunConfig =>
  ({ seed: 3, model: { preset: "nano", ...model }, data: {} }) as unknown as RunConfig;

test("a tower that does not fit the preset is refused, and nothing is left behind", async () => {
  const { start } = await openRunModel(
    configOf({ vision: goldenPath("torchvision-vit/model.safetensors") }),
  );
  const left = await tensorsLeftBy(() =>
    expect(start()).rejects.toThrow(/does not fit the model/u),
  );
  expect(left).toBe(0);
});

test("dropout of a text tower that has none is refused", async () => {
  await expect(openRunModel(configOf({ textDropout: 0.1 }))).rejects.toThrow(
    '"model.textDropout": only RoBERTa was trained with dropout',
  );
});

test("without towers a preset starts from its seed", async () => {
  const { description, start } = await openRunModel(configOf({}));
  const [params, expected] = [await start(), initClip(description.config, 3)];
  const [mine, theirs] = [flattenTree<Tensor>(params), flattenTree<Tensor>(expected)];
  expect(Object.keys(mine)).toEqual(Object.keys(flattenTree(clipSpec(description.config))));
  const name = "text_projection.weight";
  expect([...(await mine[name]!.data())]).toEqual([...(await theirs[name]!.data())]);
  dispose({ ...mine });
  dispose({ ...theirs });
});

test("a tower starts from the weights that the config names, the rest from the seed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "clip-ts-towers-"));
  const { description } = await openRunModel(configOf({}));
  const [other, fresh] = [9, 3].map((seed) =>
    flattenTree<Tensor>(initClip(description.config, seed)),
  );
  await writeModel(folder, description, other!);
  const { start } = await openRunModel(configOf({ text: folder }));
  const started = flattenTree<Tensor>(await start());
  for (const [name, leaf] of Object.entries(started)) {
    const source = name.startsWith("text_model.") ? other : fresh;
    expect([...(await leaf.data())], name).toEqual([...(await source![name]!.data())]);
  }
  for (const tree of [other, fresh, started]) dispose(tree!);
  await rm(folder, { recursive: true });
});
