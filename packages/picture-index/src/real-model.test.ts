import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEngine } from "@clip-ts/engines";
import { clipPreprocess } from "@clip-ts/image";
import { bytesEmbedder, loadEmbedder, tokenizerFor } from "@clip-ts/inference";
import { initClip, preset } from "@clip-ts/model";
import { hashModel, openClip, openModel, writeModel } from "@clip-ts/node";
import { useEngine } from "@clip-ts/test-utils";
import { afterAll, expect, test } from "vitest";
import { writePictures } from "./fixtures/small-pictures.ts";
import { openPictureIndex } from "./picture-index.ts";
import { updatePictureIndex } from "./update-picture-index.ts";

const root = mkdtempSync(join(tmpdir(), "clip-ts-real-model-"));
afterAll(async () => {
  await useEngine("cpu");
  rmSync(root, { recursive: true });
});

test.each([undefined, 4])("vectors are the model's own, batches filled up to %s", async (filledTo) => {
  const [model, photos, folder] = ["model", "photos", `index-${filledTo}`].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  const config = preset("nano");
  await writeModel(model, { config, preprocess: clipPreprocess(8), ...tokenizerFor(config) }, initClip(config, 1));
  const paths = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"].map((name) => join(photos, name));
  await writePictures(paths);
  const description = await openModel(model);
  const embedder = await loadEmbedder(description, (await startEngine("cpu")).compiler);
  await updatePictureIndex({
    folder,
    sources: [{ path: photos }],
    store: { name: "flat" },
    batch: 4,
    model: {
      name: "nano",
      sha256: await hashModel(model),
      dim: config.projectionDim,
      preprocess: description.preprocess,
      images: bytesEmbedder({ description, embedder, filledTo }),
    },
  });
  embedder.dispose();
  const clip = await openClip(model);
  const { values, dim } = await clip.embedImages(paths);
  clip.dispose();
  const index = await openPictureIndex(folder);
  for (const [row, { vector }] of (await index.vectors.get(paths, { withVectors: true })).entries()) {
    const own = values.subarray(row * dim, (row + 1) * dim);
    for (const [at, value] of (vector ?? []).entries()) expect(value).toBeCloseTo(own[at] ?? Number.NaN, 5);
  }
  expect(await index.vectors.count()).toBe(5);
  await index.close();
});
