import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openShardSet, localStore, writeTar, writeTarIndexes } from "@clip-ts/node";
import { writeFileWhole } from "@clip-ts/files";
import { afterEach, beforeEach, expect, test } from "vitest";
import { colourModel, picture, writePictures } from "./fixtures/small-pictures.ts";
import { openPictureIndex, type PictureIndex } from "./picture-index.ts";
import { updatePictureIndex } from "./update-picture-index.ts";

let root = "";
const at = (...names: string[]): string => join(root, ...names);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clip-ts-picture-index-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const idsIn = async ({ vectors }: PictureIndex): Promise<string[]> => {
  const ids: string[] = [];
  for await (const rows of vectors.scan()) ids.push(...rows.map(({ id }) => id));
  return ids;
};

test("an index is found by its folder; what is none is said", async () => {
  await expect(openPictureIndex(at("none"))).rejects.toMatchObject({ code: "not-found" });
  writeFileSync(at("index.json"), "{}");
  await expect(openPictureIndex(root)).rejects.toMatchObject({ code: "bad-data" });
});

test("it is read while it is written: nothing of the writer's is touched", async () => {
  await writePictures([at("photos", "a.jpg"), at("photos", "b.jpg")]);
  let partial = false;
  const seen: string[][] = [];
  const model = colourModel();
  await updatePictureIndex({
    folder: at("index"),
    sources: [{ path: at("photos") }],
    store: { name: "flat" },
    batch: 1,
    model: {
      ...model,
      images: async (pixels, rows) => {
        const file = at("index", "vectors-1", "rows.partial");
        writeFileSync(file, "");
        const index = await openPictureIndex(at("index"));
        seen.push(await idsIn(index));
        partial ||= existsSync(file);
        await index.close();
        return model.images(pixels, rows);
      },
    },
  });
  expect(partial).toBe(true);
  expect(seen[0]).toEqual([]);
  const index = await openPictureIndex(at("index"));
  expect(await idsIn(index)).toEqual([at("photos", "a.jpg"), at("photos", "b.jpg")]);
  await expect(index.vectors.remove([at("photos", "a.jpg")])).rejects.toMatchObject({ code: "unsupported" });
  await index.close();
});

test("samples of tars are pictures; a shard that is gone, or another, is told", async () => {
  const sample = async (key: string, red: number) => ({
    key,
    files: { jpg: await picture(red, 0), cls: Buffer.from(red > 100 ? "red" : "dark") },
  });
  const write = async (name: string, samples: Awaited<ReturnType<typeof sample>>[]) => {
    await writeFileWhole(at("tars", name), writeTar(samples));
    await writeTarIndexes(at("tars", "*.tar"), { store: localStore });
  };
  const update = async () => {
    const set = await openShardSet({ kind: "webdataset", path: at("tars"), store: localStore });
    const shards = set.groups.flatMap((group) => group.shards);
    const model = colourModel();
    const found = await updatePictureIndex({
      folder: at("index"),
      sources: [{ path: at("tars"), shards, fingerprint: set.fingerprint }],
      store: { name: "flat" },
      model,
    });
    await set.close();
    return { ...found, embedded: model.embedded() };
  };
  await writePictures([at("tars", "beside.jpg")]);
  await write("0.tar", [await sample("x/1", 10), await sample("x/2", 250)]);
  await write("1.tar", [await sample("3", 50)]);
  expect(await update()).toMatchObject({ added: 3, embedded: 3 });
  const index = await openPictureIndex(at("index"));
  const [first, second] = await index.vectors.get([`${at("tars", "0.tar")}#x/1`, `${at("tars", "0.tar")}#x/2`]);
  expect(first?.fields).toMatchObject({ folder: "x/", label: "dark", width: 24, source: at("tars"), date: null });
  expect(second?.fields).toMatchObject({ label: "red" });
  await index.close();
  expect(await update()).toMatchObject({ unchanged: 3, embedded: 0 });
  await write("1.tar", [await sample("3", 51), await sample("4", 60)]);
  expect(await update()).toMatchObject({ unchanged: 2, changed: 1, added: 1, embedded: 2 });
  for (const name of readdirSync(at("tars")).filter((file) => file.startsWith("0."))) rmSync(at("tars", name));
  expect(await update()).toMatchObject({ unchanged: 2, removed: 2, pictures: 2 });
});
