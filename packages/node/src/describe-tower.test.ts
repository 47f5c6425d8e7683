import { fileURLToPath } from "node:url";
import { largestDifference } from "@clip-ts/test-utils";
import { encodeText, type TextParams } from "@clip-ts/text-encoder";
import { openSafetensors, readAll, toFloat32 } from "@clip-ts/weights";
import { dispose, memory, tensor, type Tensor } from "@tensorflow/tfjs-core";
import { flattenTree, toHost } from "@clip-ts/core";
import { expect, test } from "vitest";
import { openFile } from "@clip-ts/files";
import { closing, loadHostTowerAlone, loadTowerAlone } from "@clip-ts/inference";
import { openTower } from "./open-model.ts";

/** transformers' own folder, by make_clip_text_alone.py. */
const folder = fileURLToPath(new URL("fixtures/clip-text-alone", import.meta.url));

test("CLIP's text tower alone, with a projection beside it, pools what transformers pools", async () => {
  const found = await openTower(folder);
  expect(found?.tower).toMatchObject({ side: "text", config: { heads: 4, endTokenId: 19 } });
  if (found?.tower.side !== "text") throw new Error("expected a text tower");
  const source = await openFile(`${folder}/expected.safetensors`);
  const { ids, pooled: expected } = await readAll(await openSafetensors(source));
  await source.close();
  const params = (await closing(found, loadTowerAlone)) as TextParams;
  const captions = tensor(toFloat32(ids!), [...ids!.shape], "int32");
  const { pooled } = encodeText(params, captions, found.tower.config);
  const actual = await pooled.data<"float32">();
  expect(largestDifference(actual, toFloat32(expected!))).toBeLessThan(1e-6);
  dispose(flattenTree<Tensor>(params));
});

test("the same comes as arrays, of which no tensor is made", async () => {
  const found = await openTower(folder);
  if (found === undefined) throw new Error("expected a tower");
  const before = memory().numTensors;
  const arrays = await loadHostTowerAlone(found);
  expect(memory().numTensors).toBe(before);
  const params = flattenTree<Tensor>(await closing(found, loadTowerAlone));
  expect(Object.keys(arrays)).toEqual(Object.keys(params));
  for (const [path, leaf] of Object.entries(params)) {
    expect(arrays[path]).toEqual(await toHost(leaf));
  }
  dispose(params);
});
